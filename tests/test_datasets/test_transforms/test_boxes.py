"""Boxes are drawn as their definition says."""

import numpy as np
import pytest

from mmsemi.datasets.transforms.boxes import draw_box
from mmsemi.structures import Box

AREA, RATIO = (0.02, 0.4), (0.3, 1 / 0.3)


def by_definition(height, width, redraw_area):
    """Draw in the order of the released trainers."""
    share = np.random.uniform(*AREA)
    attempts = 0
    while True:
        if redraw_area and attempts:
            share = np.random.uniform(*AREA)
        attempts += 1
        ratio = np.random.uniform(*RATIO)
        w = int(np.sqrt(share * height * width / ratio))
        h = int(np.sqrt(share * height * width * ratio))
        x, y = np.random.randint(0, width), np.random.randint(0, height)
        if x + w <= width and y + h <= height:
            return (x, y, x + w, y + h), attempts


@pytest.mark.parametrize('redraw_area', [False, True])
@pytest.mark.parametrize('size', [(33, 33), (20, 60)])
def test_draws_follow_the_definition(size, redraw_area):
    """The same numbers in the same order, so that runs can be repeated."""
    retried = 0
    for seed in range(100):
        np.random.seed(seed)
        expected, attempts = by_definition(*size, redraw_area)
        after = np.random.rand()
        np.random.seed(seed)
        box = draw_box(*size, AREA, RATIO, redraw_area)
        assert box == expected and np.random.rand() == after
        assert all(type(corner) is int for corner in box)
        retried += attempts > 1
    assert retried > 20


def test_empty_boxes():
    assert not Box(1, 2, 2, 3).empty
    for box in (Box(1, 2, 1, 3), Box(1, 2, 2, 2), Box(0, 0, 0, 0)):
        assert box.empty
