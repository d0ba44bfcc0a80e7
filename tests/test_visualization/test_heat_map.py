import numpy as np
import pytest

from mmsemi.visualization import heat_map


def brightness(picture):
    return picture.astype(int).sum(2)


def test_corners_are_corners_and_bright_is_large():
    image = np.zeros((9, 17, 3), np.uint8)
    picture = brightness(heat_map(image, np.array([[0.0, 1.0], [2.0, 3.0]]), opacity=1))
    assert picture.shape == (9, 17)
    assert picture.min() == picture[0, 0] and picture.max() == picture[-1, -1]
    assert picture[0, 0] < picture[0, -1] < picture[-1, 0] < picture[-1, -1]


@pytest.mark.parametrize('values', [np.zeros((2, 2)), np.full((2, 2), 7.0)])
def test_one_value_is_dark_everywhere(values):
    picture = heat_map(np.zeros((4, 4, 3), np.uint8), values, opacity=1)
    assert (picture == picture[0, 0]).all()
    assert brightness(picture).max() < 20


def test_image_shows_through():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert np.array_equal(heat_map(image, np.eye(4), opacity=0), image)


def test_marked_point():
    image = np.zeros((40, 40, 3), np.uint8)
    plain, marked = (
        heat_map(image, np.zeros((2, 2)), point) for point in (None, (30, 10))
    )
    rows, cols = np.nonzero((plain != marked).any(2))
    assert marked[10, 30].tolist() == [255, 255, 255]
    assert abs(rows - 10).max() <= 2 and abs(cols - 30).max() <= 2
