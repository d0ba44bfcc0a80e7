"""Work dirs of short trainings."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmsemi.apis.sweep import read_sweep
from mmsemi.apis.sweep.rows import row_of
from mmsemi.engine import SemiRunner
from mmsemi.registry import RUNNERS
from tests.helpers.runs import NO_ENVIRONMENT, TINY_SELF_TRAINING, make_config

LOCAL = [dict(type='LocalVisBackend')]


def train(method: str, data: Path, work_dir: Path, **changes) -> Path:
    """Train a method for three epochs; add a confusion matrix and pictures."""
    cfg = make_config(
        method, data, work_dir, **{'visualizer.vis_backends': LOCAL, **changes}
    )
    with NO_ENVIRONMENT:
        SemiRunner.from_cfg(cfg).train()
    file = work_dir / 'results.json'
    rows = json.loads(file.read_text())
    classes = cfg.val_dataloader.dataset.metainfo.classes
    for i, row in enumerate(rows):
        row.setdefault(
            'classes', {name: dict(IoU=50.0 + i, Recall=None) for name in classes}
        )
        row.setdefault('confusion', [[9, 1, 0, 0], [2, 7, 0, 1], [0] * 4, [0, 0, 3, 5]])
    file.write_text(json.dumps(rows))
    (process,) = (p for p in work_dir.iterdir() if (p / 'vis_data').is_dir())
    folder = process / 'vis_data/vis_image'
    folder.mkdir(exist_ok=True)
    for epoch in (1, 2, 3):
        level = np.full((30, 90, 3), 60 * epoch, np.uint8)
        Image.fromarray(level).save(folder / f'val_0_{epoch}.png')
    return work_dir


@pytest.fixture(scope='session')
def rankmatch(tiny_data, tmp_path_factory) -> Path:
    """A finished training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
        )
        return train('rankmatch', tiny_data, tmp_path_factory.mktemp('rankmatch'))


@pytest.fixture(scope='session')
def teacher(tiny_data, tmp_path_factory) -> Path:
    """A finished training with an EMA teacher that is validated, by steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
        )
        return train(
            'unimatchv2',
            tiny_data,
            tmp_path_factory.mktemp('unimatchv2'),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=5, val_interval=2),
        )


@pytest.fixture
def copied(rankmatch, tmp_path) -> Path:
    """A copy of a finished training, to be damaged."""
    return Path(shutil.copytree(rankmatch, tmp_path / 'copied'))


@pytest.fixture(scope='session')
def self_training(tiny_data, tmp_path_factory) -> Path:
    """ST++, whole."""
    cfg = Config.fromfile(TINY_SELF_TRAINING)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(tiny_data)
    cfg.visualizer.vis_backends = LOCAL
    cfg.work_dir = str(tmp_path_factory.mktemp('self_training'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
        )
        with NO_ENVIRONMENT:
            RUNNERS.build(cfg).train()
    return Path(cfg.work_dir)


@pytest.fixture(scope='session')
def sweep(rankmatch, teacher, tmp_path_factory) -> Path:
    """The file of a sweep of two methods and two seeds; one cell is not finished."""
    folder = tmp_path_factory.mktemp('sweep')
    file = folder / 'two.py'
    file.write_text(
        "methods = dict(RankMatch='demo/rankmatch_scenes', "
        "UniMatchV2='demo/unimatch_v2_scenes')\n"
        f"seeds = (0, 1)\nbaseline = 'RankMatch'\nwork_dir = '{folder}/cells'\n"
        f"csv = '{folder}/two.csv'\n"
    )
    for cell in read_sweep(file).cells[:3]:
        trained = rankmatch if cell.method == 'RankMatch' else teacher
        shutil.copytree(trained, cell.folder)
        cell.note(row=asdict(row_of(cell)))
    return file
