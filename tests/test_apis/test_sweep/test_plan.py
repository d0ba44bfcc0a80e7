"""What the file of a sweep may say."""

from pathlib import Path
from textwrap import dedent

import pytest

from mmsemi.apis.sweep.cells import cells_of
from mmsemi.apis.sweep.plan import read_plan
from mmsemi.utils.config import parse_options

TWO = "methods = dict(A='demo/supervised_scenes', B='demo/rankmatch_scenes')\n"


@pytest.fixture
def write(tmp_path):
    """Write the file of a sweep; return its path."""

    def write(text: str) -> Path:
        (tmp_path / 'my_sweep.py').write_text(dedent(text))
        return tmp_path / 'my_sweep.py'

    return write


def cells(write, text: str) -> dict:
    return {cell.name: cell for cell in cells_of(read_plan(write(text)))}


def test_all_combinations(write):
    found = cells(
        write,
        """
        _half = 0.5
        methods = dict(
            A=dict(config='demo/supervised_scenes', options=()),
            B=dict(config='demo/rankmatch_scenes', cfg_options=dict(
                model=dict(conf_thresh=_half))))
        splits = {
            '1/8': 'a.txt',
            '1/4': dict(labeled_list='b.txt', unlabeled_list='c.txt')}
        seeds = (3, 5)
        options = dict(low={'optim_wrapper.optimizer.lr': 1e-3}, none={})
        cfg_options = {'train_cfg.max_epochs': 2, 'model.conf_thresh': 0.9}
        start = 'A'
        """,
    )
    assert len(found) == 2 * 2 * (1 + 2)
    cell = found['B/1-4/low/seed5']
    assert cell.settings == {
        'train_cfg.max_epochs': '2',
        'model.conf_thresh': '0.5',
        'train_dataloader.dataset.labeled_list': 'b.txt',
        'train_dataloader.dataset.unlabeled_list': 'c.txt',
        'optim_wrapper.optimizer.lr': '0.001',
        'randomness.seed': '5',
    }
    assert cell.start is found['A/1-4/seed5'] and cell.start.start is None
    names = list(found)
    assert all(
        names.index(c.start.name) < names.index(c.name)
        for c in found.values()
        if c.start
    )
    command = cell.shown_command()
    assert command.startswith('mmsemi train demo/rankmatch_scenes --work-dir ')
    assert command.endswith(
        'load_from=$(cat work_dirs/sweep/my_sweep/A/1-4/seed5/last_checkpoint)'
    )


def test_names_of_splits_in_configs(write):
    found = cells(
        write, "methods = dict(A='unimatch/camvid_{split}_r18')\nsplits = ('1-8',)"
    )
    assert found['A/1-8/seed0'].config == 'unimatch/camvid_1-8_r18'


@pytest.mark.parametrize(
    'value', [0.5, True, None, 'a.txt', [0.5, 1.0], (1, 2), [[1], [2]]]
)
def test_settings_arrive_unchanged(write, value):
    cell = cells(write, f'{TWO}cfg_options = dict(model=dict(x={value!r}))')['A/seed0']
    assert parse_options([f'x={cell.settings["model.x"]}']) == {'x': value}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('seeds = (0,)', 'methods is missing'),
        (TWO + 'sedes = 1', 'sedes is no setting of a sweep; did you mean seeds'),
        (TWO + "seeds = ('0',)", 'not whole numbers'),
        (TWO + "start = 'C'", "start='C' is none of the methods A, B"),
        (TWO + "baseline = 'C'", "baseline='C' is none"),
        (TWO + "splits = ('1-8',)", 'lacks {split}'),
        ("methods = dict(A='a_{split}')", 'there are no splits'),
        (TWO + 'options = dict(a=1)', 'no dict of settings'),
        (TWO + 'cfg_options = dict(a=[dict(b=1)])', 'cannot be written'),
        (TWO + "cfg_options = dict(a='0.5')", 'cannot be written'),
        ("methods = dict(A=dict(config='a', origin='mine'))", "origin='mine'"),
        (
            "methods = dict(A=dict(config='a', opts=1))",
            "opts is no setting of methods['A']",
        ),
        (
            "methods = dict(A=dict(config='a'), B=dict(config='b', start='A'))\n"
            "start = 'B'",
            'A -> B -> A',
        ),
        ('methods = dict(', 'cannot be read'),
        (
            "methods = {'a b': 'demo/cps_scenes', 'a-b': 'demo/cps_scenes'}",
            'the same folder',
        ),
    ],
)
def test_errors_name_file_and_value(write, text, message):
    with pytest.raises(ValueError, match='my_sweep.py') as error:
        cells(write, text)
    assert message in str(error.value)
