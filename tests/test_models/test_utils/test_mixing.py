import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from mmsemi.models.utils import box_mask, cutmix, cutmix_features


def by_definition(own, other, mask):
    """Through full resolution and back."""
    own_large, other_large = (
        F.interpolate(
            feat, mask.shape[1:], mode='bilinear', align_corners=True)
        for feat in (own, other))
    return F.interpolate(
        torch.where(mask[:, None], other_large, own_large),
        own.shape[2:],
        mode='bilinear',
        align_corners=True)


def random_mask(batch, size, seed=0):
    """Boxes anywhere, some of them narrow."""
    random = np.random.RandomState(seed)
    corners = [
        np.sort(random.randint(0, side + 1, (batch, 2)), axis=1)
        for side in (size[1], size[0])
    ]
    (x1, x2), (y1, y2) = (corner.T for corner in corners)
    return box_mask(torch.from_numpy(np.stack([x1, y1, x2, y2], 1)), size)


def test_box_is_half_open():
    mask = box_mask(torch.tensor([[1, 0, 3, 2], [0, 1, 4, 3]]), (3, 4))
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == [
        [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]],
    ]


def test_zeros_are_an_empty_box():
    assert not box_mask(torch.zeros(2, 4, dtype=torch.int64), (5, 6)).any()


@pytest.mark.parametrize('shape, dtype', [
    ((2, 3, 4, 5), torch.float32),
    ((2, 4, 5), torch.int64),
    ((2, 4, 5), torch.bool),
    ((2, 6, 3, 4, 5), torch.float64),
])
def test_cutmix(shape, dtype):
    own = torch.zeros(shape, dtype=dtype)
    other = torch.ones_like(own)
    mask = random_mask(2, (4, 5), seed=1)
    mixed = cutmix(own, other, mask)
    assert mixed.dtype == dtype and mixed.shape == shape
    while mixed.dim() > 3:  # the same in every channel
        assert (mixed == mixed[:, :1]).all()
        mixed = mixed[:, 0]
    assert torch.equal(mixed.bool(), mask)


def test_features_golden(golden):
    figures = np.load(golden / 'units.npz')
    cases = sorted({k[:-4] for k in figures if re.match(r'featmix\d+_out', k)})
    assert cases
    for case in cases:
        own, other, box, out = (
            torch.from_numpy(figures[f'{case}_{name}'])
            for name in ('a', 'b', 'box', 'out'))
        # In float32 the released positions are off by a rounding of the side.
        rounding = torch.finfo(out.dtype).eps * max(box.shape[1:])
        for dtype in (torch.float32, torch.float64):
            mixed = cutmix_features(own.to(dtype), other.to(dtype), box.bool())
            torch.testing.assert_close(
                mixed, out.to(dtype), rtol=0, atol=rounding)


@pytest.mark.parametrize('small, large', [
    ((5, 5), (65, 65)),
    ((9, 9), (72, 72)),
    ((4, 7), (61, 37)),
    ((5, 6), (65, 50)),
    ((6, 5), (50, 65)),
    ((1, 1), (8, 9)),
    ((1, 4), (8, 9)),
    ((1, 3), (8, 9)),
    ((7, 8), (11, 13)),
    ((8, 8), (8, 8)),
    ((6, 7), (5, 4)),
])
def test_features_equal_the_definition(small, large):
    torch.manual_seed(sum(small + large))
    own, other = torch.randn(2, 4, 3, *small, dtype=torch.float64)
    for seed in range(5):
        mask = random_mask(4, large, seed)
        torch.testing.assert_close(
            cutmix_features(own, other, mask),
            by_definition(own, other, mask),
            rtol=0,
            atol=1e-9)


@pytest.mark.parametrize('size', [65, 72])
def test_features_keep_their_dtype_under_autocast(size):
    own, other = torch.randn(2, 2, 3, 9, 9)
    mask = random_mask(2, (size, size), seed=2)
    expected = cutmix_features(own, other, mask)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(cutmix_features(own, other, mask), expected)
    half = cutmix_features(own.half(), other.half(), mask)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize('size', [65, 72])
def test_no_value_reaches_the_host(size):
    """Fake tensors have no values: to read or select by one raises."""
    with FakeTensorMode():
        feat = torch.zeros(2, 3, 9, 9)
        box = torch.zeros(2, 4, dtype=torch.int64)
        mixed = cutmix_features(feat, feat, box_mask(box, (size, size)))
    assert mixed.shape == feat.shape
