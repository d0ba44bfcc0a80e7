"""Pictures of pseudo-labels."""

import numpy as np

from mmsemi.visualization import draw_pseudo_label

CLASSES, PALETTE = ('a', 'b'), [(255, 0, 0), (0, 0, 255)]
SIDE = 400  # not enlarged


def draw(**masks):
    image = np.full((SIDE, SIDE, 3), 200, np.uint8)
    label = np.zeros((SIDE, SIDE), np.uint8)
    kept = np.zeros((SIDE, SIDE), bool)
    kept[: SIDE // 4] = True
    confidence = np.full((SIDE, SIDE), 0.5)
    return draw_pseudo_label(image, label, confidence, kept, CLASSES, PALETTE, **masks)


def test_what_is_not_kept_is_dark_and_gray():
    picture = draw()
    assert picture.shape[0] > 2 * SIDE > picture.shape[1] - 10  # two rows of two
    gap = picture.shape[1] - 2 * SIDE
    title = (picture.shape[0] - 2 * SIDE) // 4  # at most
    left, top = SIDE + gap, picture.shape[0] - SIDE - title
    panel = picture[top - title :, left:]
    red = (panel[..., 0].astype(int) - panel[..., 2]) > 100
    dark = (panel == 70).all(-1)  # 0.35 of 200
    assert abs(int(red.sum()) / SIDE**2 - 0.25) < 0.02
    assert abs(int(dark.sum()) / SIDE**2 - 0.75) < 0.02


def test_panels_for_what_there_is():
    """With truth and prediction: two rows of three."""
    mask = np.ones((SIDE, SIDE), np.uint8)
    assert draw(truth=mask).shape[1] > 3 * SIDE
    picture = draw(truth=mask, prediction=mask)
    assert 2 * SIDE < picture.shape[0] < 3 * SIDE < picture.shape[1]
