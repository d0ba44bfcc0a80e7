"""The command that fetches or makes lists."""

import runpy
import sys

import pytest

from mmsemi.datasets import read_list
from mmsemi.preparation.splits.table import PUBLISHED
from tests.helpers.splits import (
    SPLITS,
    needs_lists,
    publish_toy,
    serving,
    toy_repository,
)
from tests.helpers.tools import ROOT, run

TOOL = 'tools/data/prepare_splits.py'


@pytest.fixture
def tool(monkeypatch, capsys):
    """Run the tool in this process: its exit status and what it printed."""

    def call(*args):
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, args)])
        code = 0
        try:
            runpy.run_path(str(ROOT / TOOL), run_name='__main__')
        except SystemExit as stopped:
            code = stopped.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def published(monkeypatch):
    return publish_toy(monkeypatch)


@pytest.fixture
def repository(tmp_path, published):
    return toy_repository(tmp_path / 'clone', published)


@needs_lists
def test_tool_downloads_what_is_missing(tool, tmp_path):
    with serving(SPLITS) as (url, asked):
        args = ('pascal', '--url', url, '--data-root', tmp_path)
        code, out = tool(*args)
        assert code == 0 and '13 of 13 lists' in out
        (tmp_path / 'splits/92.txt').unlink()
        asked.clear()
        assert tool(*args)[0] == 0
        assert {path.rsplit('/', 1)[1] for path, _ in asked} <= {
            '92.txt',
            'labeled.txt',
        }


def test_tool_generates_for_any_data(tiny_data, tmp_path):
    for folder in ('images', 'labels'):
        (tmp_path / folder).symlink_to(tiny_data / folder)
    (tmp_path / 'lists').mkdir()
    (tmp_path / 'lists/all.txt').write_text(
        (tiny_data / 'splits/train.txt').read_text()
    )
    run(
        'python',
        TOOL,
        'mine',
        '--generate',
        '3',
        '--data-root',
        tmp_path,
        '--train-list',
        'lists/all.txt',
        '--parts',
        '4',
        '--workers',
        '2',
    )
    assert len(read_list(tmp_path / 'splits/seed3_1_4.txt')) == 2


def test_tool_says_what_is_wrong(tool, repository, published, tmp_path):
    code, out = tool('mine')
    assert code == 2 and 'no lists are published' in out
    code, out = tool('pascal', '--from', tmp_path / 'nowhere')
    assert code == 1 and f'There is no folder {tmp_path / "nowhere"}' in out
    (repository / 'splits/toys/val.txt').unlink()
    code, out = tool('toy', '--from', repository, '--data-root', tmp_path)
    assert code == 1 and 'holds no toy list val' in out
    assert '2 of 3 lists' in out


def test_tool_names_repositories_and_licences(tool):
    code, out = tool('--help')
    assert code == 0
    for splits in PUBLISHED.values():
        assert splits.repository in out and splits.licence in out
