import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmsemi.engine import IterPolyLR

PARAMWISE = dict(
    norm_decay_mult=0.0,
    custom_keys={'backbone': dict(lr_mult=0.1), 'backbone.1': dict(lr_mult=0.5)},
)


def train(constructor, model, steps=3, load=None):
    """Return the wrapper after some steps, and every parameter's learning rates."""
    model = copy.deepcopy(model)
    optim = build_optim_wrapper(
        model,
        dict(
            constructor=constructor,
            optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.01),
            paramwise_cfg=PARAMWISE,
        ),
    )
    if load is not None:
        optim.load_state_dict(copy.deepcopy(load))
    scheduler = IterPolyLR(optim, eta_min=0, power=0.9, end=9, by_epoch=False)
    g = torch.Generator().manual_seed(0)
    for _ in range(steps):
        loss = model(torch.randn(4, 3, generator=g)).square().sum()
        optim.update_params(loss)
        scheduler.step()
    rates = {}
    for group in optim.optimizer.param_groups:
        for parameter in group['params']:
            rates[id(parameter)] = group['lr'], group['weight_decay']
    return model, optim, [rates[id(p)] for p in model.parameters()]


@pytest.fixture
def network():
    torch.manual_seed(0)
    net = nn.Sequential()
    net.add_module(
        'backbone', nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 5))
    )
    net.add_module('norm', nn.BatchNorm1d(5))
    net.add_module('head', nn.Linear(5, 2))
    return net


def same(a, b):
    return all(map(torch.equal, a.parameters(), b.parameters()))


def test_every_tensor_has_the_settings_that_mmengine_gives(network):
    theirs, stock, rates = train('DefaultOptimWrapperConstructor', network)
    ours, grouped, our_rates = train('GroupedParamsConstructor', network)
    assert len(stock.optimizer.param_groups) == 10
    assert len(grouped.optimizer.param_groups) == 4
    assert our_rates == rates and len(set(rates)) == 4
    assert same(ours, theirs) and not same(ours, network)
    for name in ('lr', 'base_lr'):  # what is logged
        assert grouped.get_lr()[name][0] == stock.get_lr()[name][0]


@pytest.mark.parametrize('saved', ['Default', 'Grouped'])
def test_state_of_other_groups_is_converted(network, saved):
    """The state has one group per tensor (MMEngine's) or our groups."""
    name = dict(
        Default='DefaultOptimWrapperConstructor', Grouped='GroupedParamsConstructor'
    )[saved]
    trained, optim, _ = train(name, network)
    state = optim.state_dict()
    theirs, _, _ = train(name, trained, load=state)
    ours, _, _ = train('GroupedParamsConstructor', trained, load=state)
    assert same(ours, theirs)
    anew, _, _ = train('GroupedParamsConstructor', trained)
    assert not same(ours, anew)


def test_state_of_another_network_is_refused(network):
    state = train('DefaultOptimWrapperConstructor', network)[1].state_dict()
    del state['param_groups'][-1]
    with pytest.raises(ValueError, match='parameter groups'):
        train('GroupedParamsConstructor', network, load=state)
