"""Boxes of Mean Teacher, CPS and AugSeg."""

import numpy as np
import pytest

from mmsemi.datasets.transforms.mix_boxes import CenteredBoxes, ShareBoxes
from mmsemi.structures import Box

IMAGE = dict(img=np.zeros((80, 120, 3), np.uint8))


def drawn(transform, num):
    np.random.seed(0)
    return [box for _ in range(num) for box in transform(dict(IMAGE))['boxes']]


def test_shares_of_the_area():
    """All of one share, whatever their shape, inside the image."""
    boxes = drawn(ShareBoxes(area=(0.3, 0.3)), 200)
    assert all(0 <= b.x1 < b.x2 <= 120 and 0 <= b.y1 < b.y2 <= 80 for b in boxes)
    shares = [(b.x2 - b.x1) * (b.y2 - b.y1) / (80 * 120) for b in boxes]
    assert shares == pytest.approx([0.3] * 200, abs=0.02)
    assert len({b.x2 - b.x1 for b in boxes}) > 20


def test_several_boxes_have_together_one_share():
    boxes = drawn(ShareBoxes(num_views=4, area=(0.4, 0.4)), 100)
    assert len(boxes) == 400
    shares = [(b.x2 - b.x1) * (b.y2 - b.y1) / (80 * 120) for b in boxes]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)


def test_centers_are_random_and_boxes_end_at_the_border():
    boxes = drawn(CenteredBoxes(concentration=(4, 4)), 300)
    assert all(0 <= b.x1 <= b.x2 <= 120 and 0 <= b.y1 <= b.y2 <= 80 for b in boxes)
    assert any(b.x2 == 120 for b in boxes) and any(b.y1 == 0 for b in boxes)
    assert Box.around(0.5, 0.5, 0.5, 80, 120) == Box(30, 20, 90, 60)


@pytest.mark.parametrize('area', [(0, 0.5), (0.5, 0.2), (0.5, 1.5)])
def test_an_impossible_share(area):
    with pytest.raises(ValueError, match='ascending'):
        ShareBoxes(area=area)


def test_an_impossible_concentration():
    with pytest.raises(ValueError, match='above 0'):
        CenteredBoxes(concentration=(0, 4))
