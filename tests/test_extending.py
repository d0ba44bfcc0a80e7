"""docs/extending.md, executed literally in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.tools import ROOT
from tests.test_contributing import make_camvid

PAGE = (ROOT / 'docs/extending.md').read_text()
FILES = re.findall(r'`(\w+\.py)`:\n\n```python\n(.*?)```', PAGE, re.S)
COMMANDS = ''.join(re.findall(r'```sh\n(.*?)```', PAGE, re.S)).splitlines()


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """A folder with the page's files, and images for its two data sets."""
    root = tmp_path_factory.mktemp('extending')
    for name, text in FILES:
        (root / name).write_text(text)
    make_camvid(root / 'data/camvid')
    shutil.copytree(root / 'data/camvid', root / 'data/seaside')
    lists = root / 'data/seaside/splits'
    lines = (lists / 'train.txt').read_text().splitlines()
    (lists / 'labeled.txt').write_text('\n'.join(lines[:4]))
    (lists / 'unlabeled.txt').write_text(
        '\n'.join(line.split()[0] for line in lines[4:])
    )
    return root


def test_the_page_has_these_files_and_commands():
    assert [name for name, _ in FILES] == [
        'tiny_net.py',
        'unimatch_tiny_net.py',
        'seaside.py',
    ]
    assert len(COMMANDS) == 3


@pytest.mark.parametrize('command', COMMANDS)
def test_command_runs(folder, command):
    path, args = re.fullmatch(r'(?:PYTHONPATH=(\S+) )?mmsemi (.*)', command).groups()
    args = args.split()
    done = subprocess.run(
        [sys.executable, '-P', '-m', 'mmsemi', *args],  # -P: the folder is not searched
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if k != 'MMSEMI_DATA'},
            'PYTHONPATH': os.pathsep.join([str(ROOT), *([path] if path else ())]),
            'OMP_NUM_THREADS': '1',
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    if args[0] == 'train':
        assert list((folder / 'work_dirs').rglob('results.json'))
