"""No file that a run reads runs code, except its config."""

import os
from argparse import Namespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from mmsemi.engine import SemiRunner
from mmsemi.models.pretrained import PretrainedBackbone
from mmsemi.utils.checkpoint import read_checkpoint, trusting, write_checkpoint
from mmsemi.utils.config import load_config
from tests.helpers.tools import TINY
from tests.stress.kill_saving import saving_runner
from tests.test_utils.test_checkpoint import Payload


@pytest.fixture
def evil(tmp_path):
    """Write a file of weights that leaves a trace when it is unpickled."""
    file = tmp_path / 'evil.pth'
    trace = Payload(os.mkdir, str(tmp_path / 'ran'))
    torch.save(dict(state_dict=dict(w=torch.ones(1)), meta=trace), file)
    yield file
    assert not (tmp_path / 'ran').exists()


def test_mmengine_falls_back_on_nothing(evil):
    with trusting(False), pytest.raises(Exception, match='mkdir'):
        CheckpointLoader.load_checkpoint(str(evil))


@pytest.mark.parametrize('kind', ['Pretrained', 'PretrainedBackbone'])
def test_pretrained_weights(evil, tiny_data, tmp_path, kind):
    cfg = Config.fromfile(TINY)
    cfg.model.backbone.init_cfg = dict(type=kind, checkpoint=str(evil))
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = f'evil_{kind}'
    for loader in ('train_dataloader', 'val_dataloader'):
        cfg[loader].dataset.data_root = str(tiny_data)
    runner = SemiRunner.from_cfg(cfg)
    with pytest.raises(ValueError, match=r'evil\.pth holds .*refused'):
        runner.train()


def test_pretrained_weights_from_an_address(evil, monkeypatch):
    """Also without a runner."""
    monkeypatch.setattr(
        CheckpointLoader,
        'load_checkpoint',
        lambda *args, **kwargs: torch.load(evil, weights_only=False),
    )
    with pytest.raises(ValueError, match='refused'):
        PretrainedBackbone('https://nowhere/evil.pth')(torch.nn.Linear(1, 1))


def test_a_config_inside_a_checkpoint(tmp_path):
    """MMEngine would run it on resume."""
    saving_runner(tmp_path / 'work', size=10, epochs=1).train()
    file = tmp_path / 'work/epoch_1.pth'
    content = read_checkpoint(file)
    content['meta']['config'] = f'import os; os.mkdir({str(tmp_path)!r} "/x")'
    write_checkpoint(content, file)
    saving_runner(tmp_path / 'work', size=10, epochs=2).train()
    assert (tmp_path / 'work/epoch_2.pth').exists()
    assert not (tmp_path / 'x').exists()


@pytest.mark.parametrize('base', [None, 'https://nowhere.example/base.py'])
def test_no_config_is_fetched(tmp_path, monkeypatch, base):
    def connect(*args, **kwargs):
        raise AssertionError('a connection was tried')

    monkeypatch.setattr('socket.socket.connect', connect)
    monkeypatch.setattr('socket.getaddrinfo', connect)
    config = 'https://nowhere.example/config.py'
    if base:
        config = str(tmp_path / 'config.py')
        (tmp_path / 'config.py').write_text(f'_base_ = [{base!r}]')
    with pytest.raises((FileNotFoundError, ValueError), match=r'nowhere\.example'):
        load_config(Namespace(config=config, local_rank=0, launcher='none'))
