"""MMSEMI_DATA moves everything that a config reads or downloads."""

import argparse

import pytest
import torch
from mmengine.config import Config

from mmsemi.engine import SemiRunner
from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import find_weights, read_checkpoint
from mmsemi.utils.config import load_config
from tests.helpers.tools import TINY
from tests.stress import resume_points  # noqa: F401  registers EndAt


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Set ``MMSEMI_DATA`` to a folder with weights of the tiny backbone, all 0.5."""
    for name in ('MMSEMI_DATA', 'TORCH_HOME'):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv('TORCH_HOME')
    backbone = MODELS.build(Config.fromfile(TINY).model).backbone
    state = {
        name: torch.full_like(value, 0.5) if value.is_floating_point() else value
        for name, value in backbone.state_dict().items()
    }
    for folder in ('pretrained', 'pretrained/hub/checkpoints'):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        torch.save(dict(state_dict=state), tmp_path / folder / 'net.pth')
    return tmp_path


def start(work_dir, data_root, **init_cfg):
    """Start a run from a file of weights; return its backbone before training."""
    cfg = load_config(
        argparse.Namespace(
            config=str(TINY),
            launcher='none',
            work_dir=str(work_dir),
            local_rank=0,
            cfg_options={'model.backbone.init_cfg': init_cfg},
        )
    )
    cfg.visualizer.vis_backends = []
    for loader in ('train_dataloader', 'val_dataloader'):
        cfg[loader].dataset.data_root = str(data_root)
    cfg.custom_hooks = [dict(type='EndAt', point='before_train', time=1)]
    runner = SemiRunner.from_cfg(cfg)
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    return runner.model.backbone


@pytest.mark.parametrize('kind', ['Pretrained', 'PretrainedBackbone'])
@pytest.mark.parametrize(
    'file', ['pretrained/net.pth', 'https://nowhere.invalid/net.pth']
)
def test_weights(data, tiny_data, kind, file):
    """From a file, and from an earlier download."""
    backbone = start(data / 'work', tiny_data, type=kind, checkpoint=file)
    assert all((p == 0.5).all() for p in backbone.parameters())


def test_checkpoints(data, monkeypatch):
    assert 'state_dict' in read_checkpoint('pretrained/net.pth')
    monkeypatch.delenv('MMSEMI_DATA')
    with pytest.raises(FileNotFoundError):
        read_checkpoint('pretrained/net.pth')


def test_the_current_folder_takes_precedence(data, monkeypatch):
    monkeypatch.chdir(data)
    monkeypatch.setenv('MMSEMI_DATA', str(data / 'pretrained/hub'))
    assert find_weights('pretrained/net.pth') == 'pretrained/net.pth'
    assert find_weights('checkpoints/net.pth') == str(
        data / 'pretrained/hub/checkpoints/net.pth'
    )
