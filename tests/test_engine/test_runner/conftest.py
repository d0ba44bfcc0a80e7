import pytest
from mmengine.config import Config

from tests.helpers.tools import ROOT


@pytest.fixture(scope='module')
def make_config(tiny_data):
    """Return a function that makes the config of a small self-training."""

    def make(work_dir, **changes):
        cfg = Config.fromfile(ROOT / 'tests/configs/tiny_self_training.py')
        for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            cfg[loader].dataset.data_root = str(tiny_data)
        cfg.visualizer.vis_backends = []
        cfg.work_dir = str(work_dir)
        cfg.merge_from_dict(changes)
        return cfg

    return make
