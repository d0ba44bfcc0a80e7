"""Whole pipelines, from files to packed streams."""

import numpy as np
import pytest
import torch
from PIL import Image

from mmsemi.datasets import stack_streams
from mmsemi.registry import TRANSFORMS
from mmsemi.structures import Box

S = 48
WEAK = [
    dict(type='RandomScaleCrop', crop_size=(S, S), ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5),
]
LABELED = [
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask'),
    *WEAK,
    dict(type='PackLabeled'),
]


def unlabeled(num_views, transforms=None):
    strong = dict(type='StrongViews', num_views=num_views)
    if transforms is not None:
        strong['transforms'] = transforms
    return [
        dict(type='LoadSegImage'),
        dict(type='MarkValid'),
        *WEAK,
        strong,
        dict(type='CutMixBoxes', num_views=num_views),
        dict(type='PackUnlabeled'),
    ]


@pytest.fixture
def files(tmp_path):
    """Write an image without black, whose red channel is 10 x the mask."""
    mask = np.random.RandomState(0).randint(1, 20, (40, 60), np.uint8)
    img = np.dstack([mask * 10, mask, 255 - mask])
    Image.fromarray(img).save(tmp_path / 'a.png')
    Image.fromarray(mask).save(tmp_path / 'm.png')
    return dict(img_path=str(tmp_path / 'a.png'), seg_map_path=str(tmp_path / 'm.png'))


def run(pipeline, files, seed):
    results = dict(files, num_classes=20, reduce_zero_label=False)
    np.random.seed(seed)
    for transform in pipeline:
        results = TRANSFORMS.build(transform)(results)
    return results


def test_labeled(files):
    for seed in range(8):
        packed = run(LABELED, files, seed)
        assert set(packed) == {'weak', 'mask'}
        assert packed['weak'].shape == (3, S, S)
        assert packed['weak'].dtype == packed['mask'].dtype == torch.uint8
        assert packed['weak'].is_contiguous()
        # Image and mask are padded at the same pixels.
        padding = (packed['weak'] == 0).all(0)
        assert torch.equal(padding, packed['mask'] == 255)


def test_image_and_mask_stay_aligned(files):
    pipeline = [
        dict(t, ratio_range=(1, 1)) if t['type'] == 'RandomScaleCrop' else t
        for t in LABELED
    ]
    for seed in range(4):
        packed = run(pipeline, files, seed)
        seen = packed['mask'] != 255
        red = packed['weak'][2]
        assert torch.equal(red[seen], packed['mask'][seen] * 10)


@pytest.mark.parametrize('num_views', [1, 2])
def test_unlabeled(files, num_views):
    packed = run(unlabeled(num_views), dict(img_path=files['img_path']), 0)
    assert set(packed) == {'weak', 'valid', 'strong', 'boxes'}
    assert len(packed['strong']) == len(packed['boxes']) == num_views
    for image in (packed['weak'], *packed['strong']):
        assert image.shape == (3, S, S)
        assert image.dtype == torch.uint8
        assert image.is_contiguous()
    assert packed['valid'].shape == (S, S)
    assert packed['valid'].dtype == torch.bool
    for box in packed['boxes']:
        assert isinstance(box, Box) and all(type(corner) is int for corner in box)


def test_weak_and_strong_share_their_geometry(files):
    for seed in range(8):
        same = run(unlabeled(2, transforms=[]), files, seed)
        assert all(torch.equal(view, same['weak']) for view in same['strong'])
        packed = run(unlabeled(2), files, seed)
        assert torch.equal(packed['weak'], same['weak'])
        assert torch.equal(packed['valid'], same['valid'])
        assert torch.equal(packed['valid'], (packed['weak'] != 0).any(0))


def test_samples_collate(files):
    images = [run(unlabeled(2), files, s) for s in range(3)]
    sample = dict(labeled=[], unlabeled=images, partner=[], corrupt={})
    batch = stack_streams([sample])['unlabeled']
    assert [view.shape for view in batch['strong']] == 2 * [(3, 3, S, S)]
    for view, pastes in enumerate(batch['boxes']):
        assert [paste[2:] for paste in pastes] == [
            image['boxes'][view] for image in images if not image['boxes'][view].empty
        ]


def test_packed_tensors_share_no_memory(files):
    img = np.zeros((4, 4, 3), np.uint8)
    mask = np.zeros((4, 4), np.uint8)
    packed = TRANSFORMS.build(dict(type='PackLabeled'))(dict(img=img, gt_seg_map=mask))
    img[:] = mask[:] = 1
    assert packed['weak'].max() == packed['mask'].max() == 0
