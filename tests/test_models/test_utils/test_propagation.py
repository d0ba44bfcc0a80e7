import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmsemi.models.utils import (
    propagate_labels,
    propagation,
    random_positions,
    region_masks,
)

# The walk on the host and the one on a device, both of which run anywhere.
WALKS = (propagate_labels, propagation._walk_abreast)


def masks_by_definition(rows, within):
    corr = F.interpolate(rows, within.shape[1:], mode='bilinear', align_corners=True)
    low, high = corr.amin((2, 3), True), corr.amax((2, 3), True)
    return ((corr - low) / (high - low) > 0.5) & within[:, None]


def walk_by_definition(label, confident, regions, thresh):
    label, keep = label.clone(), confident.clone()
    for i, image in enumerate(regions):
        for region in image:
            core = region & confident[i]
            if not core.any() or core.sum() / region.sum() < thresh:
                continue
            votes = label[i][core].bincount()
            if votes.max() / core.sum() > thresh:
                label[i][region] = votes.argmax()
                keep[i] |= region
    return label, keep


def blobs(seed, num=30, size=24, classes=5):
    """Labels, confident pixels and overlapping regions of two images."""
    g = torch.Generator().manual_seed(seed)
    scene = torch.rand(2, num + classes, 4, 4, generator=g)
    scene = F.interpolate(scene, (size, size), mode='bilinear')
    label = scene[:, :classes].argmax(1)
    confident = torch.rand(2, size, size, generator=g) < 0.9
    return label, confident, scene[:, classes:] > 0.65


def flat(*rows):
    """One image of one row of pixels."""
    return [torch.tensor(row)[None, None] for row in rows]


@pytest.mark.parametrize(
    'side, crop', [((5, 5), (33, 33)), ((4, 7), (30, 41)), ((5, 5), (5, 5))]
)
@pytest.mark.parametrize('chunk', [1, 2500, 2**20])
def test_masks(side, crop, chunk, monkeypatch):
    monkeypatch.setitem(propagation.CHUNK, 'cpu', chunk)
    g = torch.Generator().manual_seed(0)
    rows = torch.randn(2, 7, *side, generator=g).softmax(2)
    within = torch.rand(2, *crop, generator=g) < 0.7
    masks = region_masks(rows, within)
    assert masks.dtype == torch.bool
    assert torch.equal(masks, masks_by_definition(rows, within))


def test_what_lies_outside_still_sets_the_scale():
    rows = torch.tensor([[[[0.0, 0.4, 0.6, 1.0]]]])
    within = torch.tensor([[[True, True, True, False]]])
    assert region_masks(rows, within).tolist() == [[[[0, 0, 1, 0]]]]


def test_row_without_contrast_is_an_empty_region():
    within = torch.ones(1, 9, 9, dtype=torch.bool)
    assert not region_masks(torch.zeros(1, 2, 3, 3), within).any()


@pytest.mark.parametrize('walk', WALKS)
def test_golden(golden, walk):
    figures = np.load(golden / 'units.npz')
    label = torch.as_tensor(figures['prop_label']).long()
    valid = torch.as_tensor(figures['prop_ignore'] != 255)
    box = torch.as_tensor(figures['prop_box'])
    thresh = torch.tensor(float(figures['prop_threshold']))
    bits = np.unpackbits(figures['prop_corr'])
    num = len(bits) // label.numel()
    corr = (
        torch.as_tensor(bits[: num * label.numel()])
        .bool()
        .view(len(label), num, *label.shape[1:])
    )
    confident = (torch.as_tensor(figures['prop_conf']) >= thresh) & valid
    out, keep = walk(label, confident, corr & (valid & ~box)[:, None], thresh, 255)
    assert torch.equal(out, torch.as_tensor(figures['prop_label_out']).long())
    assert torch.equal(keep, torch.as_tensor(figures['prop_keep_out']))


@pytest.mark.parametrize('walk', WALKS)
@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('thresh', [0.0, 0.3, 0.6, 0.8])
def test_walk(walk, seed, thresh):
    label, confident, regions = blobs(seed)
    thresh = torch.tensor(thresh)
    before = label.clone(), confident.clone(), regions.clone()
    out, keep = walk(label, confident, regions, thresh, 5)
    expected = walk_by_definition(label, confident, regions, thresh)
    assert torch.equal(out, expected[0]) and torch.equal(keep, expected[1])
    assert not torch.equal(out, label)  # there was something to do
    assert all(
        torch.equal(a, b)
        for a, b in zip(before, (label, confident, regions), strict=True)
    )


@pytest.mark.parametrize('walk', WALKS)
def test_later_regions_see_earlier_labels(walk):
    label, confident = flat([1, 1, 1, 2, 2], [True] * 5)
    first = torch.tensor([1, 1, 1, 1, 0]).bool()
    second = torch.tensor([0, 0, 1, 1, 1]).bool()
    thresh = torch.tensor(0.6)
    for order, expected in (
        ([first, second], [1, 1, 1, 1, 1]),
        ([second, first], [1, 1, 2, 2, 2]),
    ):
        regions = torch.stack(order)[None, :, None]
        out, _ = walk(label, confident, regions, thresh, 3)
        assert out[0, 0].tolist() == expected


@pytest.mark.parametrize('walk', WALKS)
def test_unconfident_pixels_take_a_label_but_never_vote(walk):
    label, confident = flat([1, 1, 0, 2], [True, True, False, True])
    regions = torch.tensor([[1, 1, 1, 0], [0, 0, 1, 1]]).bool()[None, :, None]
    out, keep = walk(label, confident, regions, torch.tensor(0.5), 3)
    assert out[0, 0].tolist() == [1, 1, 2, 2]  # pixel 2 is written twice
    assert keep.all()


@pytest.mark.parametrize('walk', WALKS)
def test_a_tie_goes_to_the_smallest_label(walk):
    label, confident = flat([2, 2, 1, 1], [True] * 4)
    regions = torch.ones(1, 1, 1, 4, dtype=torch.bool)
    out, _ = walk(label, confident, regions, torch.tensor(0.4), 3)
    assert out[0, 0].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize('walk', WALKS)
def test_nothing_confident(walk):
    label, confident, regions = blobs(0)
    out, keep = walk(label, torch.zeros_like(confident), regions, torch.tensor(0.0), 5)
    assert torch.equal(out, label) and not keep.any()


def test_the_walk_waits_for_the_device_once():

    class Waits(TorchDispatchMode):
        """Counts the operations that make the host wait for a device."""

        names = ('_local_scalar_dense', 'nonzero', 'masked_select', 'unique')
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += any(name in str(func) for name in self.names)
            return func(*args, **(kwargs or {}))

    label, confident, regions = blobs(0)
    rows = torch.rand(2, 30, 4, 4)
    with Waits() as waits:
        region_masks(rows, confident)
        assert waits.count == 0
        propagation._walk_abreast(label, confident, regions, torch.tensor(0.3), 5)
    assert waits.count == 1


@pytest.mark.parametrize('with_last', [False, True])
def test_positions(with_last):
    torch.manual_seed(0)
    index = random_positions(200, 4, torch.device('cpu'), with_last)
    assert index.unique().tolist() == [0, 1, 2, 3][: 3 + with_last]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('thresh', [0, 0.1, 1 / 3, 0.5, 0.85, 0.999, 1])
def test_votes_needed_are_those_of_the_division(thresh, dtype):
    trusted = torch.arange(1, 400, dtype=dtype)
    thresh = torch.tensor(thresh, dtype=dtype)
    needed = propagation._votes_needed(trusted, thresh)
    votes = torch.arange(402, dtype=dtype)[:, None]
    assert torch.equal(votes / trusted > thresh, votes >= needed)
