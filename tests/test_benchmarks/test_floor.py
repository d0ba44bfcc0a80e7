import copy

import torch

from helpers.floor import BareNetwork, own_layers
from helpers.rehearsal import Rehearsal
from mmsemi.registry import MODELS
from tests.helpers.runs import use_method


def test_floor_is_the_network_of_the_step(cfg):
    """It repeats the forwards and gradients of the step: the sums are equal."""
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
    torch.autograd.backward(*zip(*floor.forward(), strict=True))
    assert any(grad.norm() > 0 for grad in grads)
    for grad, parameter in zip(grads, model.parameters(), strict=True):
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
    torch.autograd.backward(*zip(*floor.forward(), strict=True))
    for name, parameter in block.named_parameters():
        assert torch.equal(grads[f'correlation.{name}'], parameter.grad)
        assert parameter.grad.norm() > 0 or name == 'project.0.bias'
    bare = BareNetwork(rehearsal.step, lambda: optim.optim_context(model))
    assert len(bare.passes) == len(floor.passes) - 6


def test_a_second_network_is_in_the_floor(cfg):
    """CPS: the forwards of both networks are those of the floor."""
    use_method(cfg, 'CPS')
    del cfg.model['conf_thresh']
    cfg.train_dataloader.dataset.unlabeled_pipeline = [
        transform
        for transform in cfg.train_dataloader.dataset.unlabeled_pipeline
        if transform.type not in ('StrongViews', 'CutMixBoxes')
    ]
    cfg.train_dataloader.dataset.unlabeled_pipeline.insert(
        -1, dict(type='ShareBoxes', num_views=3, area=(0.25, 0.5))
    )
    rehearsal = Rehearsal(cfg)
    model = rehearsal.model
    assert own_layers(model) == []
    optim = rehearsal.runner.optim_wrapper
    floor = BareNetwork(rehearsal.step, lambda: optim.optim_context(model))
    assert {p.model for p in floor.passes} == {model, model.second}
