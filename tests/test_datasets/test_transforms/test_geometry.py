"""Scale and crop, compared with PIL and with mmseg's transforms."""

import mmcv
import numpy as np
import pytest
from mmcv.transforms import Pad
from mmseg.datasets.transforms import RandomFlip, Resize
from PIL import Image, ImageOps

from mmsemi.datasets.transforms import MarkValid, RandomScaleCrop
from mmsemi.datasets.transforms.geometry import nearest_index, resize_window


def sample(height, width, seed=0):
    random = np.random.RandomState(seed)
    mask = random.randint(0, 255, (height, width), np.uint8)
    return dict(
        img=random.randint(0, 256, (height, width, 3), np.uint8),
        gt_seg_map=mask,
        seg_fields=['gt_seg_map'],
    )


def pil_scale_crop(img, mask, size, window):
    """Scale, pad and crop whole images with PIL, as the released trainers do."""
    image = Image.fromarray(img).resize(size, Image.BILINEAR)
    mask = Image.fromarray(mask).resize(size, Image.NEAREST)
    pad = (0, 0, max(window[2] - size[0], 0), max(window[3] - size[1], 0))
    image = ImageOps.expand(image, border=pad, fill=0).crop(window)
    mask = ImageOps.expand(mask, border=pad, fill=255).crop(window)
    return np.asarray(image), np.asarray(mask)


@pytest.mark.parametrize('shape', [(40, 61), (61, 40), (30, 30), (160, 31), (31, 160)])
@pytest.mark.parametrize('crop', [(24, 24), (70, 70), (33, 90)])
def test_equals_resize_pad_crop(shape, crop):
    transform = RandomScaleCrop(crop)
    for seed in range(25):
        results = sample(*shape, seed)
        np.random.seed(seed)
        size, window = transform.draw(*shape)
        img, mask = pil_scale_crop(results['img'], results['gt_seg_map'], size, window)

        by_mmseg = Resize(size, backend='pillow')(dict(results))
        by_mmseg = Pad(size=tuple(np.maximum(size, crop[::-1]).tolist()))(by_mmseg)
        x1, y1, x2, y2 = window
        np.testing.assert_array_equal(by_mmseg['img'][y1:y2, x1:x2], img)
        np.testing.assert_array_equal(by_mmseg['gt_seg_map'][y1:y2, x1:x2], mask)

        np.random.seed(seed)
        ours = transform(results)
        np.testing.assert_array_equal(ours['img'], img)
        np.testing.assert_array_equal(ours['gt_seg_map'], mask)
        assert ours['img_shape'] == crop


def test_window_of_any_resize():
    random = np.random.RandomState(0)
    for _ in range(150):
        height, width, w, h = random.randint(1, 90, 4).tolist()
        img = random.randint(0, 256, (height, width, 3), np.uint8)
        x, y = random.randint(0, w), random.randint(0, h)
        window = (x, y, x + random.randint(1, 50), y + random.randint(1, 50))
        whole = Image.fromarray(img).resize((w, h), Image.BILINEAR)
        np.testing.assert_array_equal(
            resize_window(img, (w, h), window), np.asarray(whole.crop(window))
        )


@pytest.mark.parametrize('old, new', [(7, 7), (5, 10), (10, 5), (375, 611)])
def test_nearest_index_is_that_of_masks(old, new):
    mask = np.random.RandomState(0).randint(0, 256, (old, old), np.uint8)
    index = nearest_index(old, new)
    np.testing.assert_array_equal(
        mask[index][:, index],
        mmcv.imresize(mask, (new, new), interpolation='nearest', backend='pillow'),
    )


@pytest.mark.parametrize('base, low, high', [(None, 25, 102), (40, 20, 80)])
def test_long_side_is_uniform(base, low, high):
    transform = RandomScaleCrop(8, (0.5, 2.0), base)
    np.random.seed(0)
    sizes = np.array([transform.draw(34, 51)[0] for _ in range(8000)])
    long_side, counts = np.unique(sizes[:, 0], return_counts=True)
    np.testing.assert_array_equal(long_side, np.arange(low, high + 1))
    expected = len(sizes) / (high - low + 1)
    assert np.abs(counts - expected).max() < 5 * expected**0.5
    np.testing.assert_array_equal(sizes[:, 1], np.floor(34 * sizes[:, 0] / 51 + 0.5))


def test_crop_is_uniform():
    transform = RandomScaleCrop((8, 10), (1, 1))
    np.random.seed(0)
    windows = np.array([transform.draw(12, 16)[1] for _ in range(7000)])
    corners, counts = np.unique(windows[:, :2], axis=0, return_counts=True)
    assert len(corners) == 7 * 5  # x 0..6, y 0..4
    assert np.abs(counts - 200).max() < 5 * 200**0.5
    assert np.all(windows[:, 2:] - windows[:, :2] == (10, 8))


def test_no_side_vanishes():
    transform = RandomScaleCrop(4, (0.1, 0.2))
    np.random.seed(0)
    results = transform(sample(1, 5))
    assert results['img'].shape == (4, 4, 3)
    assert (results['gt_seg_map'] != 255).any()


def test_padding_is_known_and_254_a_class():
    np.random.seed(0)
    results = MarkValid()(sample(20, 30))
    results['gt_seg_map'][:] = 254
    results = RandomFlip(prob=1.0)(RandomScaleCrop(64, (1, 1))(results))
    inside = np.zeros((64, 64), bool)
    inside[:20, -30:] = True  # padded on the right, then flipped
    np.testing.assert_array_equal(results['valid'] == 1, inside)
    np.testing.assert_array_equal(results['gt_seg_map'] == 254, inside)
    assert np.all(results['gt_seg_map'][~inside] == 255)
    assert np.all(results['img'][~inside] == 0)


def test_wrong_ratios_are_refused():
    with pytest.raises(ValueError, match=r'ratio_range.*\(2.0, 0.5\)'):
        RandomScaleCrop(8, (2.0, 0.5))


@pytest.mark.parametrize('channels', [1, 2, 4, 6])
def test_geometry_treats_every_channel_alike(channels):
    """Also the fourth, which PIL would treat as transparency."""
    img = np.random.default_rng(0).integers(0, 256, (12, 20, channels), np.uint8)
    for size in ((10, 6), (40, 24)):
        window = (3, 2, 12, 9)
        whole = resize_window(img, size, window)
        for c in range(channels):
            np.testing.assert_array_equal(
                whole[..., c],
                resize_window(np.dstack([img[..., c]] * 3), size, window)[..., 0],
            )
    crop = RandomScaleCrop(16)(dict(img=img))['img']
    assert crop.shape == (16, 16, channels)
