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
    """In two rows: with truth five and whether it is right, with prediction seven."""
    mask = np.ones((SIDE, SIDE), np.uint8)
    for masks, columns in (
        (dict(), 2),
        (dict(truth=mask), 3),
        (dict(truth=mask, prediction=mask), 4),
    ):
        height, width, _ = draw(**masks).shape
        assert 2 * SIDE < height < 3 * SIDE
        assert columns * SIDE < width < (columns + 0.2) * SIDE


def test_right_is_blue_and_wrong_is_orange():
    """Of the upper quarter, which is kept: its left half is of another class."""
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[:, : SIDE // 2] = 1
    truth[:, -SIDE // 4 :] = 255  # unknown
    panel = draw(truth=truth)[-SIDE - 50 :, -SIDE:].astype(int)
    red, blue = panel[..., 0], panel[..., 2]
    wrong, right = ((red - blue) > 50).sum(), ((blue - red) > 50).sum()
    assert abs(wrong / SIDE**2 - 1 / 8) < 0.02
    assert abs(right / SIDE**2 - 1 / 16) < 0.02
