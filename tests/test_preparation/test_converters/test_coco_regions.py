"""COCO's regions: polygons and run lengths."""

import cv2
import numpy as np
import pytest

from mmsemi.preparation.converters.coco_regions import polygon_mask, run_length_mask


def test_polygon_holds_the_pixels_whose_centre_it_holds():
    square = polygon_mask([1, 1, 4, 1, 4, 3, 1, 3], 5, 6)
    assert square.sum() == 6 and square[1:3, 1:4].all()
    assert polygon_mask([1.6, 0, 2.4, 0, 2.4, 5, 1.6, 5], 5, 6).sum() == 0
    clipped = polygon_mask([-9, -9, 3, -9, 3, 2, -9, 2], 5, 6)
    assert clipped.sum() == 6 and clipped[:2, :3].all()
    assert not polygon_mask([50, 50, 60, 50, 55, 60], 5, 6).any()
    with pytest.raises(ValueError, match='three corners'):
        polygon_mask([1, 1, 2, 2], 5, 6)


@pytest.mark.parametrize('seed', range(4))
def test_polygon_is_close_to_a_drawn_one(seed):
    """OpenCV also draws the outline, so only its pixels may be missing here."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    radius = rng.uniform(15, 40, 12)
    corners = np.stack([48 + radius * np.cos(angles), 45 + radius * np.sin(angles)], 1)
    ours = polygon_mask(corners.ravel(), 90, 96)
    drawn = cv2.fillPoly(
        np.zeros((90, 96), np.uint8),
        [np.rint((corners - 0.5) * 256).astype(np.int32)],
        1,
        shift=8,
    )
    assert ours.sum() > 500
    assert not (ours & (drawn == 0)).sum() > 2
    inner = cv2.erode(drawn, np.ones((3, 3), np.uint8), borderValue=0)
    assert ours[inner == 1].all()


def test_run_lengths():
    columns = np.array([[0, 0, 1], [1, 0, 1]], bool)  # down: 0 1, 0 0, 1 1
    assert (run_length_mask([1, 1, 2, 2], 2, 3) == columns).all()
    # '1' is 1, '2' is 2; the fourth is its difference to the second.
    assert (run_length_mask('1121', 2, 3) == columns).all()
    # 300 is 12 + 9 * 32, its first character marked as unfinished.
    assert not run_length_mask('\\9', 30, 10).any()
    with pytest.raises(ValueError, match='5 pixels'):
        run_length_mask([1, 4], 2, 3)
