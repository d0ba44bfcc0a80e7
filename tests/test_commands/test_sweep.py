"""The command `mmsemi sweep`, apart from the training."""

import contextlib
import io
import sys
from unittest import mock

import pytest

from mmsemi.commands.main import run

SWEEP = """
methods = dict(
    Supervised='demo/supervised_scenes',
    RankMatch=dict(config='demo/rankmatch_scenes', origin='ours'))
seeds = (0, 1)
baseline = 'Supervised'
csv = 'rows.csv'
"""
ROWS = """\
method,origin,split,seed,miou_last,miou_best,iou_sky,seconds_per_step,config,commit,\
options,settings
Supervised,published,,0,20,21,60,0.2,demo/supervised_scenes,abc,,randomness.seed=0
Supervised,published,,1,22,22,62,0.2,demo/supervised_scenes,abc,,randomness.seed=1
RankMatch,ours,,0,24,25,63,0.5,demo/rankmatch_scenes,abc,,randomness.seed=0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'my.py').write_text(SWEEP)
    (tmp_path / 'rows.csv').write_text(ROWS)


def mmsemi_sweep(*args: str, status: int = 0) -> str:
    """Run the command in this process; return its output."""
    output = io.StringIO()
    with (
        mock.patch.object(sys, 'argv', ['mmsemi', 'sweep', *args]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        try:
            run()
            code = 0
        except SystemExit as end:
            code = end.code
    assert code == status, output.getvalue()
    return output.getvalue()


def test_dry_run():
    said = mmsemi_sweep('my.py', '--dry-run')
    assert '# Supervised/seed0: finished' in said, 'it has a row in the table'
    assert (
        '# RankMatch/seed1: to do\nmmsemi train demo/rankmatch_scenes --work-dir '
        'work_dirs/sweep/my/RankMatch/seed1 --cfg-options randomness.seed=1\n' in said
    )
    assert said.endswith('# 3 of 4 are finished.\n')
    only = mmsemi_sweep('my.py', '--dry-run', '--only', 'Rank*/seed1', '*/seed0')
    assert [line for line in only.splitlines() if line.endswith('to do')] == [
        '# RankMatch/seed1: to do'
    ]


def test_tables():
    said = mmsemi_sweep('my.py', '--table')
    assert said.startswith('1 of 4 cells are not finished.\n')
    assert '| Supervised | 21.00 ± 1.41 | 21.50 ± 0.71 | 0.200 |' in said
    assert '| RankMatch (ours) | +4.00 | +4.00 | 1 |' in said
    assert r'\toprule' in mmsemi_sweep('my.py', '--table', 'latex')
    against = mmsemi_sweep('rows.csv', '--table', 'csv', '--against', 'RankMatch')
    assert 'Supervised,-4.0,-4.0,1' in against


def test_changed_settings_are_refused():
    with open('my.py', 'a') as file:
        file.write("cfg_options = {'train_cfg.max_epochs': 1}\n")
    said = mmsemi_sweep('my.py', status=1)
    assert said.startswith('error: 3 cells were trained with other settings than my.py')
    assert 'settings: randomness.seed=0, now train_cfg.max_epochs=1' in said
    assert 'its row in rows.csv' in said


@pytest.mark.parametrize(
    ('args', 'status', 'message'),
    [
        (['my.py', '--table', 'excel'], 2, 'excel is none of markdown, csv, latex'),
        (['my.py', '--against', 'RankMatch'], 2, 'needs --table'),
        (['my.py', '--gpus', '0', '--slurm', 'partition=a'], 2, 'gpus_per_node'),
        (['my.py', '--jobs', '0'], 1, 'jobs=0 is not at least 1'),
        (['my.py', '--gpus', '0,0'], 1, 'names one twice'),
        (['none.py'], 1, 'There is no sweep none.py'),
        (['none.csv', '--table'], 1, 'There is no table none.csv'),
        (['my.py', '--only', 'Nothing'], 1, 'No cell is named Nothing'),
        (['my.py', '--table', '--against', 'No'], 1, 'There is no result of No'),
    ],
)
def test_errors(args, status, message):
    assert message in mmsemi_sweep(*args, status=status)
