import numpy as np
import pytest

from mmsemi.visualization import draw_legend, draw_segmentation

CLASSES = ('ground', 'disc', 'box')
PALETTE = [[90, 90, 90], [200, 40, 40], [40, 200, 40]]
IMAGE = np.full((400, 500, 3), 100, np.uint8)


def colors(picture):
    return {tuple(color) for color in picture.reshape(-1, 3).tolist()}


def halves(left, right):
    mask = np.full((400, 500), left, np.uint8)
    mask[:, 250:] = right
    return mask


def test_the_image_is_above_the_classes_that_occur():
    picture = draw_segmentation(IMAGE, halves(0, 2), CLASSES, PALETTE, opacity=1)
    assert picture.shape[1] == 500 and picture.dtype == np.uint8
    assert (picture[:400, :250] == PALETTE[0]).all()
    assert (picture[:400, 250:] == PALETTE[2]).all()
    legend = picture[400:]
    assert {tuple(PALETTE[0]), tuple(PALETTE[2])} <= colors(legend)
    assert tuple(PALETTE[1]) not in colors(legend)
    assert legend.min() < 50, 'text'


def test_truth_and_confidence_are_beside_the_prediction():
    confidence = np.linspace(0, 1, 500)[None].repeat(400, 0)
    picture = draw_segmentation(
        IMAGE,
        halves(0, 1),
        CLASSES,
        PALETTE,
        truth=halves(2, 255),
        confidence=confidence,
        opacity=1,
    )
    assert picture.shape[1] > 3 * 500
    row = picture[300]
    panels = row[:500], row[505:1005], row[-500:]
    assert (panels[0][:250] == PALETTE[2]).all() and (panels[0][250:] == 0).all()
    assert (panels[1][:250] == PALETTE[0]).all()
    assert panels[2][0].sum() < panels[2][250].sum() < panels[2][499].sum()
    assert {tuple(color) for color in PALETTE} <= colors(picture[-40:])


def test_a_small_image_is_enlarged():
    small = np.zeros((64, 48, 3), np.uint8)
    mask = np.eye(64, 48, dtype=np.uint8)
    picture = draw_segmentation(small, mask, CLASSES, PALETTE, opacity=1)
    assert picture.shape[1] == 6 * 48 and picture.shape[0] > 6 * 64
    drawn = picture[: 6 * 64 : 6, ::6]
    assert np.array_equal(drawn, np.array(PALETTE, np.uint8)[mask])


def test_a_long_name_stays_inside():
    names = ['x' * 500, 'short']
    legend = draw_legend(200, [0, 1], names, PALETTE, 15)
    assert legend.shape[1] == 200 and (legend[:, -5:] == 255).all()
    assert len(draw_legend(200, [1], names, PALETTE, 15)) < len(legend), 'one row'


def test_another_size():
    with pytest.raises(ValueError, match=r'truth has the shape \(3, 4\)'):
        draw_segmentation(
            IMAGE, halves(0, 1), CLASSES, PALETTE, truth=np.zeros((3, 4), np.uint8)
        )
