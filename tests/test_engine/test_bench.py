"""Of what the benchmarks are made."""

import copy

import pytest
import torch
from mmengine.config import Config

from mmsemi.engine.bench import (
    BareNetwork,
    Parts,
    Rehearsal,
    own_layers,
    predict_footprint,
    set_crop,
    use_noise,
)
from mmsemi.registry import MODELS
from mmsemi.utils.measuring import peak_memory
from tests.helpers.tools import TINY

# With more, convolutions take more memory beside the tensors.
pytestmark = pytest.mark.usefixtures('one_thread')


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
    optim.optimizer.register_step_pre_hook(
        lambda *args: grads.extend(p.grad.clone() for p in model.parameters())
    )
    before = copy.deepcopy(dict(model.named_parameters()))
    floor = BareNetwork(rehearsal.step, lambda: optim.optim_context(model))
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])  # it learns nothing
    assert [p.training for p in floor.passes] == [False, True, True]
    torch.autograd.backward(*zip(*floor.forward()))
    assert any(grad.norm() > 0 for grad in grads)
    for grad, parameter in zip(grads, model.parameters()):
        assert torch.equal(grad, parameter.grad)


def test_floor_with_the_layers_of_the_method(cfg):
    assert not own_layers(MODELS.build(cfg.model))
    use_method(cfg, 'CorrMatch')
    del cfg.model['conf_thresh']
    cfg.model.correlation = dict(in_channels=64, dropout_ratio=0)
    rehearsal = Rehearsal(cfg)
    model, optim, grads = (rehearsal.model, rehearsal.runner.optim_wrapper, {})
    optim.optimizer.register_step_pre_hook(
        lambda *args: grads.update(
            (name, p.grad.clone()) for name, p in model.named_parameters()
        )
    )
    block = model.correlation
    layers = own_layers(model)
    assert layers == [block.project, block.query, block.key]
    floor = BareNetwork(rehearsal.step, lambda: optim.optim_context(model), layers)
    assert sum(p.model is block.project for p in floor.passes) == 2
    torch.autograd.backward(*zip(*floor.forward()))
    for name, parameter in block.named_parameters():
        assert torch.equal(grads[f'correlation.{name}'], parameter.grad)
        assert parameter.grad.norm() > 0 or name == 'project.0.bias'
    bare = BareNetwork(rehearsal.step, lambda: optim.optim_context(model))
    assert len(bare.passes) == len(floor.passes) - 6


def test_half_of_the_pixels_are_sure(cfg):
    rehearsal = Rehearsal(cfg)
    rehearsal.model.conf_thresh = 0.95
    rehearsal.step()
    logged = rehearsal.runner.message_hub.log_scalars
    assert 0.25 < logged['train/mask_ratio'].current() < 0.75


def test_update_is_made_of_its_steps(cfg):
    cfg.optim_wrapper.accumulative_counts = 2
    cfg.total_batch_size = 4
    rehearsal = Rehearsal(cfg)
    updates, steps = [], []
    rehearsal.runner.optim_wrapper.optimizer.register_step_pre_hook(
        lambda *args: updates.append(1)
    )
    rehearsal.model.register_forward_pre_hook(lambda *args: steps.append(1))
    for _ in range(3):
        rehearsal.update()
    assert len(updates) == 3 and len(steps) == 6


def test_parts_make_up_the_step(cfg):
    parts = Parts()
    parts.measure(Rehearsal(cfg))
    assert parts.spent.keys() >= {
        'backward',
        'forwards',
        'hooks',
        'loss_rank',
        'loss_sup',
        'masked_ce',
        'mixing',
        'optimiser',
        'partner forward',
        'pseudo-label',
        'the rest',
        'views to device',
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
        for v in Rehearsal(copy.deepcopy(cfg)).model.state_dict().values()
    )
    assert predict_footprint(cfg).held - alone.held == 4 * weights
