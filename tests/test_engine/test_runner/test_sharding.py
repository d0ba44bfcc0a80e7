"""What cannot be sharded is refused; the rest is in test_processes.py."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapper

from mmsemi.engine import PreviousModelsHook
from mmsemi.engine.runner import sharding
from mmsemi.engine.runner.sharding import check_shards, shard, units_of
from mmsemi.models import SemiSegmentor
from mmsemi.registry import MODELS
from tests.helpers.tools import TINY


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    monkeypatch.setattr(sharding, 'is_distributed', lambda: True)


def runner(model=None, hooks=(), **cfg):
    cfg = Config(dict(sharding=True, **cfg))
    return SimpleNamespace(
        cfg=cfg, hooks=hooks, model=model, logger=logging.getLogger()
    )


@pytest.mark.parametrize('value', ['yes', 2, dict()])
def test_anything_but_true_and_false_is_refused(value):
    with pytest.raises(ValueError, match='is neither True nor False'):
        sharding.wants_shards(dict(sharding=value))


@pytest.mark.parametrize(
    'name, value',
    [
        ('compile', True),
        ('channels_last', True),
        ('model_wrapper_cfg', dict(broadcast_buffers=True)),
        ('efficient_conv_bn_eval', ['backbone']),
    ],
)
def test_settings_that_need_whole_weights_are_refused(name, value):
    with pytest.raises(ValueError, match=f'^{name} cannot be combined with sharding'):
        check_shards(runner(**{name: value}))


@pytest.mark.parametrize('hook', [PreviousModelsHook, EMAHook])
def test_hooks_that_keep_whole_models_are_refused(hook):
    with pytest.raises(ValueError, match=f'{hook.__name__} keeps whole models'):
        check_shards(runner(hooks=[hook()]))


def test_networks_without_a_method_are_refused():
    with pytest.raises(ValueError, match="not model.type='Linear': use Supervised"):
        check_shards(runner(torch.nn.Linear(2, 2)))


def test_weights_of_the_method_itself_are_refused():
    model = MODELS.build(Config.fromfile(TINY).model)
    check_shards(runner(model))
    model.factor = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(ValueError, match='outside of its layers.*: factor'):
        check_shards(runner(model))


def test_fused_sgd_is_refused():
    model = torch.nn.Linear(2, 2)
    run = runner(model)
    run.optim_wrapper = OptimWrapper(
        torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    )
    with pytest.raises(ValueError, match='optim_wrapper.optimizer.fused=False'):
        shard(run)


def test_one_process_trains_as_without(monkeypatch, caplog):
    monkeypatch.setattr(sharding, 'is_distributed', lambda: False)
    with caplog.at_level(logging.INFO):
        check_shards(runner(compile=True))
    assert 'the only process holds all weights' in caplog.text


def test_every_weight_is_gathered_once():
    """Blocks by themselves, and all else with the part that it belongs to."""
    model = MODELS.build(Config.fromfile(TINY).model)
    assert isinstance(model, SemiSegmentor)
    gathered = [id(weight) for unit in units_of(model) for weight in unit]
    assert sorted(gathered) == sorted(map(id, model.parameters()))
    assert len(units_of(model)) == 8 + 2  # blocks of a ResNet-18, backbone, head
