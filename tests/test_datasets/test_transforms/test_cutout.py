import numpy as np
import pytest

from mmsemi.datasets.transforms import NoiseCutout


def cut(**kwargs):
    """Return the cutout of a black image with a mask of zeros, and the results."""
    results = dict(
        img=np.zeros((50, 80, 3), np.uint8),
        gt_seg_map=np.zeros((50, 80), np.uint8),
        seg_fields=['gt_seg_map'],
    )
    results = NoiseCutout(**kwargs).transform(results)
    return results['gt_seg_map'] == 255, results


def test_box():
    """Half the images have a box; its area and shape are within the bounds."""
    np.random.seed(0)
    areas, count = [], 0
    for _ in range(400):
        hole, results = cut()
        if not hole.any():
            assert not results['img'].any()
            continue
        count += 1
        rows, cols = np.where(hole.any(1))[0], np.where(hole.any(0))[0]
        h, w = np.ptp(rows) + 1, np.ptp(cols) + 1
        assert h * w == hole.sum(), 'the box is whole'
        assert 0.25 < h / w < 4
        areas.append(hole.mean())
        outside = results['img'][~hole]
        assert not outside.any()
    assert 160 < count < 240
    assert 0.01 < min(areas) < 0.05 and 0.3 < max(areas) <= 0.4


def test_noise():
    np.random.seed(0)
    hole, results = cut(prob=1, area=(0.4, 0.4), ratio=(1, 1))
    noise = results['img'][hole]
    assert noise.min() < 3 and noise.max() > 250
    assert noise.mean() == pytest.approx(127, abs=8)
    assert (noise[:, 0] != noise[:, 1]).mean() > 0.9  # of every channel


def test_area_is_drawn_again_with_the_rest():
    """Large boxes seldom fit, so that small areas are more frequent."""
    np.random.seed(0)
    areas = [cut(prob=1)[0].mean() for _ in range(400)]
    assert np.mean(areas) < 0.16 < (0.02 + 0.4) / 2


def test_the_loaded_image_is_left_alone():
    image = np.zeros((30, 30, 3), np.uint8)
    NoiseCutout(prob=1).transform(dict(img=image))
    assert not image.any()


def test_bounds():
    with pytest.raises(ValueError, match='area'):
        NoiseCutout(area=(0.4, 0.02))
    with pytest.raises(ValueError, match='ratio'):
        NoiseCutout(ratio=(2, 3))
