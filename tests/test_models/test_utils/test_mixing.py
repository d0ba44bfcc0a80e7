import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmsemi.models.utils import cutmix, cutmix_features, outside, toggled
from mmsemi.structures import as_pastes


def mask_of(pastes, batch, size):
    """Return the masks of the boxes, bool (B, H, W)."""
    mask = torch.zeros(batch, *size, dtype=torch.bool)
    for paste in pastes:
        mask[paste.image, paste.y1 : paste.y2, paste.x1 : paste.x2] = True
    return mask


def by_definition(own, other, pastes, size):
    """Mix the maps at full resolution and resize them back."""
    own_large, other_large = (
        F.interpolate(feat, size, mode='bilinear', align_corners=True)
        for feat in (own, other)
    )
    return F.interpolate(
        torch.where(mask_of(pastes, len(own), size)[:, None], other_large, own_large),
        own.shape[2:],
        mode='bilinear',
        align_corners=True,
    )


def random_pastes(batch, size, seed=0):
    """Boxes anywhere, some of them narrow, some empty."""
    random = np.random.RandomState(seed)
    corners = [
        np.sort(random.randint(0, side + 1, (batch, 2)), axis=1)
        for side in (size[1], size[0])
    ]
    (x1, x2), (y1, y2) = (corner.T for corner in corners)
    return as_pastes(np.stack([x1, y1, x2, y2], 1))


@pytest.mark.parametrize(
    'shape, dtype',
    [
        ((2, 3, 4, 5), torch.float32),
        ((2, 4, 5), torch.int64),
        ((2, 4, 5), torch.bool),
        ((2, 6, 3, 4, 5), torch.float64),
    ],
)
def test_cutmix(shape, dtype):
    own = torch.zeros(shape, dtype=dtype)
    other = torch.ones_like(own)
    pastes = random_pastes(2, (4, 5), seed=1)
    mixed = cutmix(own, other, pastes)
    assert pastes and not own.any()
    assert mixed.dtype == dtype and mixed.shape == shape
    while mixed.dim() > 3:  # the same in every channel
        assert (mixed == mixed[:, :1]).all()
        mixed = mixed[:, 0]
    assert torch.equal(mixed.bool(), mask_of(pastes, 2, (4, 5)))
    left = outside(torch.ones(2, 4, 5, dtype=torch.bool), pastes)
    assert torch.equal(left, ~mixed.bool())


def test_partners_that_nothing_is_taken_from_may_be_missing():
    own, other = torch.zeros(3, 2, 4, 4), torch.arange(3.0).view(3, 1, 1, 1)
    other = other.expand_as(own)
    boxes = [[0, 0, 2, 2], [0, 0, 0, 0], [1, 0, 4, 3]]
    whole = as_pastes(boxes)
    fewer = as_pastes(boxes, partners=[0, 0, 1])
    assert [paste.image for paste in fewer] == [0, 2]
    expected = cutmix(own, other, whole)
    assert expected[2, 0, 0].tolist() == [0, 2, 2, 2]
    assert torch.equal(cutmix(own, other[[0, 2]], fewer), expected)
    for size in ((4, 4), (7, 7), (9, 9)):  # integer steps and others
        assert torch.equal(
            cutmix_features(own, other[[0, 2]], fewer, size),
            cutmix_features(own, other, whole, size),
        )


def test_features_golden(golden):
    figures = np.load(golden / 'units.npz')
    cases = sorted({k[:-4] for k in figures if re.match(r'featmix\d+_out', k)})
    assert cases
    for case in cases:
        own, other, box, out = (
            torch.from_numpy(figures[f'{case}_{name}'])
            for name in ('a', 'b', 'box', 'out')
        )
        size = box.shape[1:]
        pastes = []
        for i, mask in enumerate(box.bool()):
            y, x = mask.any(1).nonzero(), mask.any(0).nonzero()
            pastes += [
                paste._replace(image=i, partner=i)
                for paste in as_pastes(
                    [[x[0], y[0], x[-1] + 1, y[-1] + 1]] if len(y) else []
                )
            ]
        assert torch.equal(mask_of(pastes, len(box), size), box.bool())
        # In float32, the released positions differ by a rounding error.
        rounding = torch.finfo(out.dtype).eps * max(size)
        for dtype in (torch.float32, torch.float64):
            mixed = cutmix_features(own.to(dtype), other.to(dtype), pastes, size)
            torch.testing.assert_close(mixed, out.to(dtype), rtol=0, atol=rounding)


@pytest.mark.parametrize(
    'small, large',
    [
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
    ],
)
def test_features_equal_the_definition(small, large):
    torch.manual_seed(sum(small + large))
    own, other = torch.randn(2, 4, 3, *small, dtype=torch.float64)
    for seed in range(5):
        pastes = random_pastes(4, large, seed)
        torch.testing.assert_close(
            cutmix_features(own, other, pastes, large),
            by_definition(own, other, pastes, large),
            rtol=0,
            atol=1e-9,
        )


@pytest.mark.parametrize('size', [65, 72])
def test_features_keep_their_dtype_under_autocast(size):
    own, other = torch.randn(2, 2, 3, 9, 9)
    pastes = random_pastes(2, (size, size), seed=2)
    expected = cutmix_features(own, other, pastes, (size, size))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = cutmix_features(own, other, pastes, (size, size))
    assert torch.equal(mixed, expected)
    half = cutmix_features(own.half(), other.half(), pastes, (size, size))
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), expected, rtol=2e-3, atol=2e-3)


def test_boxes_toggle_where_they_overlap():
    """A pixel is pasted if an odd number of an image's boxes has it."""
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 30, (3, 2, 2, 2)), axis=3)  # views, images, xy
    views = [
        as_pastes([[x[0], y[0], x[1], y[1]] for x, y in view], [1, 0])
        for view in corners.tolist()
    ]
    odd = torch.zeros(2, 30, 30, dtype=torch.bool)
    for view in views:
        odd ^= mask_of(view, 2, (30, 30))
    pastes = toggled(views)
    assert odd.any() and mask_of(pastes, 2, (30, 30)).equal(odd)
    assert {(paste.image, paste.partner) for paste in pastes} <= {(0, 1), (1, 0)}
