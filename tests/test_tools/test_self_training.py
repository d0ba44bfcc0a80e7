"""ST++ as a user runs it: on two processes, then tested."""
import json
import os
import re
import shutil
import sys
from pathlib import Path

import mmseg
import pytest

from tests.tools import ROOT, run

CONFIG = ROOT / 'tests/data/tiny_self_training.py'
MMSEG_TEST = Path(mmseg.__file__).parent / '.mim/tools/test.py'
# Of both runs alike: more threads round otherwise.
ENV = dict(
    CUDA_VISIBLE_DEVICES='-1',
    PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}')


@pytest.fixture(scope='module')
def runs(tiny_data, tmp_path_factory):
    """Work dirs of one process, and of two that took over after stage 1."""
    one, two = tmp_path_factory.mktemp('one'), tmp_path_factory.mktemp('two')
    options = '--cfg-options', f'data_root={tiny_data}'
    run('python', 'tools/train.py', CONFIG, '--work-dir', one, *options)
    shutil.copytree(one / '1_supervised', two / '1_supervised')
    output = run('bash', 'tools/dist_train.sh', CONFIG, '2', '--resume',
                 '--work-dir', two, *options, env=ENV)
    assert 'Stage 2 of 6: 2_reliability' in output
    assert '1_supervised' not in re.findall(r'Stage \d of 6: (\w+)', output)
    return one, two


def test_two_processes_rank_and_label_as_one(runs):
    one, two = runs
    names = '2_reliability/reliability.csv', '2_reliability/reliable_1.txt'
    masks = sorted((one / '3_pseudo_labels').rglob('*.png'))
    assert len(masks) == 2
    for file in (*(one / name for name in names), *masks):
        same = two / file.relative_to(one)
        assert file.read_bytes() == same.read_bytes()


def test_two_processes_finish(runs):
    _, two = runs
    assert (two / '6_retraining/finished.json').exists()
    assert len(list((two / '5_pseudo_labels').rglob('*.png'))) == 3


def test_both_test_tools_take_the_last_network(runs, tiny_data, tmp_path):
    """By the config that it was trained with, and by that of its stage."""
    folder = runs[0] / '6_retraining'
    name = json.loads((folder / 'finished.json').read_text())['network']
    best = max(row['mIoU'] for row in json.loads(
        (folder / 'results.json').read_text()))
    ours = run('python', 'tools/test.py', CONFIG, folder / name, '--work-dir',
               tmp_path, '--cfg-options', f'data_root={tiny_data}')
    theirs = run('python', MMSEG_TEST, folder / CONFIG.name, folder / name,
                 '--work-dir', tmp_path)
    for output in (ours, theirs):
        miou = float(re.findall(r'mIoU: ([\d.]+)', output)[-1])
        assert miou == pytest.approx(best, abs=0.005)
