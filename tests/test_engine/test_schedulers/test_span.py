"""Schedules span the training, or the log says that they do not."""

import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmsemi.engine.schedulers import span_training, unspanned
from mmsemi.registry import PARAM_SCHEDULERS


@pytest.fixture
def loop():
    """Return a loop of 10 epochs of 4 iterations."""
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    loop._max_epochs, loop._max_iters, loop.dataloader = 10, 40, [0] * 4
    return loop


def build(loop, *schedulers):
    wrapper = OptimWrapper(torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0))
    span_training(schedulers, loop)
    return [
        PARAM_SCHEDULERS.build(s, default_args=dict(optimizer=wrapper, epoch_length=4))
        for s in schedulers
    ]


WARM_UP = dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=6)


@pytest.mark.parametrize(
    ('schedulers', 'sentences'),
    [
        ([dict(type='PolyLR')], []),
        ([WARM_UP], []),  # constant afterwards
        ([WARM_UP, dict(type='PolyLR', by_epoch=False, begin=6)], []),
        ([dict(type='CosineAnnealingLR', end=6), dict(type='PolyLR', begin=6)], []),
        ([dict(type='MultiStepLR', milestones=[3, 9])], []),
        ([dict(type='PolyLR', end=80)], ['ends at epoch 80, but the training at 10']),
        (
            [WARM_UP, dict(type='PolyLR', by_epoch=False, begin=6, end=20)],
            ['ends at iteration 20, .* the lr stays at its last value'],
        ),
        (
            [dict(type='PolyLR', end=5), dict(type='CosineAnnealingMomentum')],
            ['ends at epoch 5, .* the lr stays'],
        ),
        (
            [dict(type='MultiStepLR', milestones=[3, 10, 30])],
            ['milestones .* of 10 epochs does not reach: 10, 30'],
        ),
    ],
)
def test_tells_what_does_not_span_the_training(schedulers, sentences, loop):
    found = unspanned(build(loop, *map(dict, schedulers)), loop)
    assert len(found) == len(sentences)
    for sentence, pattern in zip(found, sentences, strict=True):
        assert re.search(pattern, sentence), sentence


def test_refuses_a_schedule_after_the_training(loop):
    late = dict(type='PolyLR', by_epoch=False, begin=40)
    with pytest.raises(
        ValueError, match=r'param_scheduler\[1\] \(PolyLR\) begins at iteration 40'
    ):
        span_training([WARM_UP, late], loop)


def test_several_optimizers_are_named(loop):
    schedulers = dict(a=[dict(type='PolyLR')], b=dict(type='PolyLR', begin=10))
    with pytest.raises(ValueError, match=r'param_scheduler\.b \(PolyLR\) begins'):
        span_training(schedulers, SimpleNamespace(max_epochs=10, max_iters=40))
    assert schedulers['a'][0]['end'] == 10
