"""Grids of training samples."""

import numpy as np

from mmsemi.visualization import Panel, draw_sample, note
from mmsemi.visualization.samples import NOTES

CLASSES, PALETTE = ('a', 'b'), [(255, 0, 0), (0, 0, 255)]
SIDE = 400  # neither enlarged nor reduced
IMAGE = np.full((SIDE, SIDE, 3), 200, np.uint8)


def panel_of(picture, column, columns=2):
    """The panel of a grid with one row, without its title."""
    gap = (picture.shape[1] - columns * SIDE) // (columns - 1)
    left = column * (SIDE + gap)
    top = next(
        y for y in range(200) if (picture[y, left : left + SIDE] < 240).any(1).all()
    )
    return picture[top : top + SIDE, left : left + SIDE]


def test_masks_notes_and_boxes():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    padding = np.zeros((SIDE, SIDE), bool)
    padding[:, SIDE // 2 :] = True
    panels = [
        Panel('mask', IMAGE, mask, boxes=[(100, 100, 200, 300)]),
        Panel('valid', IMAGE, notes=note(padding.shape, dict(padding=padding))),
    ]
    picture = draw_sample(panels, 2, CLASSES, PALETTE)
    red, padded = (panel_of(picture, i) for i in (0, 1))
    assert (red[50, 50] == [233, 80, 80]).all()  # 0.6 of red over 200
    assert (red[200, 100] == 255).all()  # the outline of the box
    assert (padded[10, 10] == 200).all()
    pink = np.round(0.4 * 200 + 0.6 * np.array(NOTES['padding']))
    assert np.abs(padded[10, -10] - pink).max() <= 1


def test_the_first_note_has_a_pixel():
    where = np.ones((2, 2), bool)
    found = note(where.shape, {'own view': where, 'from the partner': where})
    assert (found == list(NOTES).index('own view')).all()


def test_sizes():
    """Small panels are enlarged by a whole factor, large ones reduced."""
    for side, expected in ((33, 363), (400, 400), (900, 480)):
        image = np.zeros((side, side, 3), np.uint8)
        panels = [Panel('same', image), Panel('same', image), Panel('', None)]
        picture = draw_sample(panels, 3, CLASSES, PALETTE)
        assert 0 <= picture.shape[1] - 3 * expected < 20
