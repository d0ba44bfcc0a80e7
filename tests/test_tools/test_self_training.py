"""ST++ as a user runs it: on two processes, then tested."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import mmseg
import pytest
import torch
from mmengine.config import Config

from mmsemi.registry import RUNNERS
from tests.helpers.tools import ROOT, run

CONFIG = ROOT / 'tests/configs/tiny_self_training.py'
MMSEG_TEST = Path(mmseg.__file__).parent / '.mim/tools/test.py'


@pytest.fixture(scope='module')
def one(tiny_data, plain_configs, tmp_path_factory) -> Path:
    """The work dir of a run on one process, with one thread as on two."""
    cfg = Config.fromfile(CONFIG)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(tiny_data)
    cfg.work_dir = str(tmp_path_factory.mktemp('one'))
    cfg.visualizer.vis_backends = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    RUNNERS.build(cfg).train()
    torch.set_num_threads(threads)
    return Path(cfg.work_dir)


def test_two_processes_rank_and_label_as_one(one, tiny_data, tmp_path):
    """They continue a run with some finished stages."""
    for stage in ('1_supervised', '4_retraining', '5_pseudo_labels'):
        shutil.copytree(one / stage, tmp_path / stage)
    output = run(
        'bash',
        'tools/dist_train.sh',
        CONFIG,
        '2',
        '--resume',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'data_root={tiny_data}',
        'visualizer.vis_backends=[]',
        'total_batch_size=4',
        env=dict(
            CUDA_VISIBLE_DEVICES='-1',
            PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
        ),
    )
    counts = re.findall(r'^images +(.*), 3 for validation$', output, re.M)
    assert counts == ['3 labeled, each 2 times, 5 pseudo-labeled']
    assert len(re.findall('^2 images have pseudo-labels, in ', output, re.M)) == 1
    assert len(re.findall('^next +python .*predict', output, re.M)) == 1, (
        'after the last stage'
    )
    assert re.findall(r'Stage \d of 6: (\w+)', output) == [
        '2_reliability',
        '3_pseudo_labels',
        '6_retraining',
    ]
    assert output.count('Self-training has finished') == 1
    masks = sorted((one / '3_pseudo_labels').rglob('*.png'))
    lists = sorted((one / '2_reliability').glob('*.[ct][sx][vt]'))
    assert len(masks) == 2 and len(lists) == 3
    for file in (*lists, *masks):
        same = tmp_path / file.relative_to(one)
        assert file.read_bytes() == same.read_bytes()
    assert (tmp_path / '6_retraining/finished.json').exists()


def test_both_test_tools_evaluate_the_last_network(one, tiny_data, tmp_path):
    """With the config of the run, and with that of its stage."""
    folder = one / '6_retraining'
    name = json.loads((folder / 'finished.json').read_text())['network']
    best = max(row['mIoU'] for row in json.loads((folder / 'results.json').read_text()))
    ours = run(
        'python',
        'tools/test.py',
        CONFIG,
        folder / name,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'data_root={tiny_data}',
    )
    theirs = run(
        'python',
        MMSEG_TEST,
        folder / CONFIG.name,
        folder / name,
        '--work-dir',
        tmp_path,
    )
    for output in (ours, theirs):
        miou = float(re.findall(r'mIoU ([\d.]+)', output)[-1])
        assert miou == pytest.approx(best, abs=0.005)
