"""Draw a training sample as one grid."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from .legend import PAPER, SMALLEST, blend, lay_out

LARGEST = 480  # pixels; panels of larger crops are reduced
OPACITY = 0.6
# What a pixel may be besides a class, with its color in the legend.
NOTES = {
    'padding': (230, 40, 160),
    'own view': (150, 150, 150),
    'from the partner': (240, 150, 0),
    'from a labeled image': (0, 130, 230),
    'from elsewhere': (120, 60, 200),
}


class Panel(NamedTuple):
    """A picture of a grid.

    Attributes:
        title (str): Its title.
        image (ndarray, optional): (H, W, 3), uint8, RGB; None for an empty place.
        mask (ndarray, optional): A class of every pixel, (H, W), drawn over it.
        notes (ndarray, optional): Indices into ``NOTES``, (H, W), drawn over a
            gray image; those beyond leave the pixel as it is.
        boxes (Sequence): Rectangles x1, y1, x2, y2 to outline, half-open.
    """

    title: str
    image: np.ndarray | None
    mask: np.ndarray | None = None
    notes: np.ndarray | None = None
    boxes: Sequence[Sequence[int]] = ()


def draw_sample(
    panels: Sequence[Panel],
    columns: int,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> np.ndarray:
    """Draw panels of one size in rows, with titles and a legend.

    Args:
        panels (Sequence[Panel]): Row by row.
        columns (int): Panels in a row.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.

    Returns:
        ndarray: uint8, RGB.  Panels whose longer side is above 480 pixels are
        reduced; below 360, they are enlarged by a whole factor.
    """
    shape = next(p.image.shape[:2] for p in panels if p.image is not None)
    factor = min(math.ceil(SMALLEST / max(shape)), LARGEST / max(shape))
    size = round(shape[1] * factor), round(shape[0] * factor)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    pictures: dict[str, np.ndarray] = {}
    for panel in panels:
        picture = cv2.resize(_draw(panel, shape, palette), size, interpolation=how)
        # Titles tell pictures apart: one that occurs again ends in a space more.
        title = panel.title
        while title in pictures:
            title += ' '
        pictures[title] = _outline(picture, panel.boxes, factor)
    return lay_out(
        pictures,
        _occurring(panels, len(classes)),
        [*classes, *NOTES],
        [*palette[: len(classes)], *NOTES.values()],
        columns,
    )


def _draw(panel: Panel, shape: Sequence[int], palette: Sequence) -> np.ndarray:
    if panel.image is None:
        return np.full((*shape, 3), PAPER, np.uint8)
    picture = np.ascontiguousarray(panel.image)
    if panel.mask is not None:
        picture = blend(picture, panel.mask, palette, OPACITY)
    if panel.notes is not None:
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2)
        tinted = blend(gray, panel.notes, list(NOTES.values()), OPACITY)
        noted = (panel.notes < len(NOTES))[..., None]
        picture = np.where(noted, tinted, picture)
    return picture


def _outline(
    picture: np.ndarray, boxes: Sequence[Sequence[int]], factor: float
) -> np.ndarray:
    """Outline boxes in white on black, which any image shows."""
    picture = np.ascontiguousarray(picture)
    for x1, y1, x2, y2 in boxes:
        start = round(x1 * factor), round(y1 * factor)
        end = round(x2 * factor) - 1, round(y2 * factor) - 1
        cv2.rectangle(picture, start, end, (0, 0, 0), 5)
        cv2.rectangle(picture, start, end, (255, 255, 255), 2)
    return picture


def _occurring(panels: Sequence[Panel], classes: int) -> list[int]:
    """Return the places in the legend of all that the panels show."""
    found: set[int] = set()
    for panel in panels:
        if panel.mask is not None:
            known = np.unique(panel.mask).tolist()
            found.update(i if i < classes else 255 for i in known)
        if panel.notes is not None:
            notes = np.unique(panel.notes).tolist()
            found.update(classes + i for i in notes if i < len(NOTES))
    return sorted(found)


def note(shape: Sequence[int], places: Mapping[str, np.ndarray]) -> np.ndarray:
    """Write what pixels are into an array for :attr:`Panel.notes`.

    Args:
        shape (Sequence[int]): Height and width.
        places (Mapping): For names of ``NOTES``, the pixels, bool (H, W); the
            first that claims a pixel has it.
    """
    found = np.full(shape, 255, np.uint8)
    for name, where in places.items():
        found[where & (found == 255)] = list(NOTES).index(name)
    return found
