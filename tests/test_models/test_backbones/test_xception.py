"""Properties of Xception-65 that its logits (test_parity) do not show."""

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmsemi.models.backbones.xception import Xception65, XceptionBlock

NORM = dict(type='BN')


@pytest.fixture(scope='module')
def backbone():
    torch.manual_seed(0)
    return Xception65().double()


def block(**kwargs):
    torch.manual_seed(0)
    args = (
        dict(
            in_channels=4,
            channels=(4, 4, 4),
            stride=1,
            skip=False,
            raw_residual=False,
            norm_cfg=NORM,
        )
        | kwargs
    )
    return XceptionBlock(**args).eval()


@pytest.mark.parametrize('height,width', [(64, 96), (65, 33)])
def test_levels(backbone, height, width):
    with torch.no_grad():
        low, high = backbone.eval()(torch.zeros(1, 3, height, width).double())
    assert low.shape == (1, 256, -(-height // 4), -(-width // 4))
    assert high.shape == (1, 2048, -(-height // 16), -(-width // 16))


def test_low_level_is_before_relu_and_high_after(backbone):
    images = torch.randn(1, 3, 33, 33, dtype=torch.float64)
    with torch.no_grad():
        low, high = backbone.eval()(images)
    assert (low < 0).any() and (high >= 0).all()


def test_gradients_are_those_of_the_function(backbone):
    """Every parameter has one; it equals the finite difference in one direction."""
    backbone.train()
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 33, 33, dtype=torch.float64, generator=generator)
    target = [
        torch.randn(shape, dtype=torch.float64, generator=generator)
        for shape in ((2, 256, 9, 9), (2, 2048, 3, 3))
    ]

    def value():
        return sum(
            (f * t).mean() for f, t in zip(backbone(images), target, strict=True)
        )

    params = list(backbone.parameters())
    backbone.zero_grad()
    value().backward()
    assert all(p.grad.abs().sum() > 0 for p in params)
    direction = [
        torch.randn(p.shape, dtype=p.dtype, generator=generator) for p in params
    ]
    slope = sum((p.grad * d).sum() for p, d in zip(params, direction, strict=True))

    step = 1e-7
    with torch.no_grad():
        for p, d in zip(params, direction, strict=True):
            p.add_(d, alpha=step)
        after = value()
        for p, d in zip(params, direction, strict=True):
            p.sub_(d, alpha=2 * step)
        before = value()
        for p, d in zip(params, direction, strict=True):
            p.add_(d, alpha=step)
    assert float((after - before) / (2 * step)) == pytest.approx(float(slope), rel=1e-3)


def test_running_statistics_take_little_of_a_batch(backbone):
    norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
    assert len(norms) == 2 + 20 * 6 + 4 + 3 * 2
    assert {m.momentum for m in norms} == {3e-4}


def test_norm_can_be_another():
    norms = [
        m
        for m in block(norm_cfg=dict(type='GN', num_groups=2)).modules()
        if isinstance(m, (_BatchNorm, nn.GroupNorm))
    ]
    assert len(norms) == 6 and not any(isinstance(m, _BatchNorm) for m in norms)


def test_shortcut_is_rectified_unless_corrected():
    x = torch.randn(1, 4, 5, 5)
    before = x.clone()
    with torch.no_grad():
        released, _ = block()(x)
        corrected, _ = block(raw_residual=True)(x)
    torch.testing.assert_close(released - corrected, x.relu() - x)
    assert torch.equal(x, before)


def test_convolved_shortcut_takes_the_raw_input():
    layer = block(skip=True, channels=(4, 4, 6), stride=2)
    x = torch.randn(1, 4, 5, 5)
    with torch.no_grad():
        out, _ = layer(x)
        branch, _ = layer(x.relu())
        difference = layer.skip(x) - layer.skip(x.relu())
    assert out.shape == (1, 6, 3, 3)
    torch.testing.assert_close(out - branch, difference)
