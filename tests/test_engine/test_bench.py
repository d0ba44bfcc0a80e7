"""Of what the benchmarks are made."""
import copy

import pytest
import torch
from mmengine.config import Config

from mmsemi.engine.bench import (BareNetwork, Parts, Rehearsal,
                                 predict_footprint, set_crop, use_noise)
from mmsemi.utils.measuring import peak_memory
from tests.tools import TINY


@pytest.fixture
def cfg(tmp_path):
    cfg = Config.fromfile(TINY)
    set_crop(cfg, 49)
    use_noise(cfg, str(tmp_path), images=8)
    return cfg


def use_method(cfg, name):
    cfg.model.pop('loss_rank')
    cfg.model.type = name


def test_floor_is_the_network_of_the_step(cfg):
    """Same images forwards, same gradients backwards: same sums."""
    use_method(cfg, 'FixMatch')  # which draws nothing
    cfg.model.decode_head.dropout_ratio = 0
    rehearsal = Rehearsal(cfg)
    model, optim, grads = (rehearsal.model, rehearsal.runner.optim_wrapper, [])
    optim.optimizer.register_step_pre_hook(lambda *args: grads.extend(
        p.grad.clone() for p in model.parameters()))
    before = copy.deepcopy(dict(model.named_parameters()))
    floor = BareNetwork(rehearsal.step, lambda: optim.optim_context(model))
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])  # it learns nothing
    assert [p.training for p in floor.passes] == [False, True, True]
    torch.autograd.backward(*zip(*floor.forward()))
    assert any(grad.norm() > 0 for grad in grads)
    for grad, parameter in zip(grads, model.parameters()):
        assert torch.equal(grad, parameter.grad)


def test_half_of_the_pixels_are_sure(cfg):
    rehearsal = Rehearsal(cfg)
    rehearsal.model.conf_thresh = 0.95
    rehearsal.step()
    logged = rehearsal.runner.message_hub.log_scalars
    assert 0.25 < logged['train/mask_ratio'].current() < 0.75


def test_parts_make_up_the_step(cfg):
    parts = Parts()
    parts.measure(Rehearsal(cfg))
    assert parts.spent.keys() >= {
        'backward', 'forwards', 'hooks', 'loss_rank', 'loss_sup', 'masked_ce',
        'mixing', 'optimiser', 'partner forward', 'pseudo-label', 'the rest',
        'views to device'
    }
    assert all(spent >= 0 for spent in parts.spent.values())


@pytest.mark.parametrize('switch', [{}, dict(gradient_checkpointing=True)])
def test_predicted_memory_is_the_measured(cfg, switch):
    cfg.merge_from_dict(switch)
    footprint = predict_footprint(copy.deepcopy(cfg))
    rehearsal = Rehearsal(cfg)
    rehearsal.step()
    measured = peak_memory(rehearsal.step)
    assert footprint.step - footprint.held == pytest.approx(measured, rel=0.1)
    assert footprint.floor < footprint.step


def test_previous_models_take_room(cfg):
    use_method(cfg, 'PrevMatch')
    alone = predict_footprint(cfg)
    cfg.custom_hooks = [dict(type='PreviousModelsHook', max_models=3)]
    weights = sum(
        v.numel() * v.element_size()
        for v in Rehearsal(copy.deepcopy(cfg)).model.state_dict().values())
    assert predict_footprint(cfg).held - alone.held == 4 * weights
