"""Boxes that CutMix pastes from one image into another."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of pixels: columns x1 to x2 - 1, rows y1 to y2 - 1."""

    x1: int
    y1: int
    x2: int
    y2: int

    @classmethod
    def around(cls, x: float, y: float, side: float, height: int, width: int) -> 'Box':
        """Return the part inside an image of a box around a point.

        Args:
            x (float): Center, as a share of the width.
            y (float): Center, as a share of the height.
            side (float): Sides, as shares of those of the image.
            height (int): Of the image, in pixels.
            width (int): Of the image, in pixels.
        """
        x1, x2 = (int(width * x) + sign * int(width * side) // 2 for sign in (-1, 1))
        y1, y2 = (int(height * y) + sign * int(height * side) // 2 for sign in (-1, 1))
        return cls(max(x1, 0), max(y1, 0), min(x2, width), min(y2, height))

    @property
    def empty(self) -> bool:
        """Tell whether the box has no pixel."""
        return self.x1 >= self.x2 or self.y1 >= self.y2


NO_BOX = Box(0, 0, 0, 0)


class Paste(NamedTuple):
    """A box that an image of a batch takes from its mix partner.

    Boxes are drawn on the host and stay there: CutMix copies slices, so a
    step never waits for the device to report a corner.

    Attributes:
        image (int): Index of the image in its batch.
        partner (int): Index of the partner, in the stream ``partner`` or, in
            a batch without that stream, among the unlabeled images.
        x1 (int): First column, in pixels.
        y1 (int): First row, in pixels.
        x2 (int): Column after the last one, above x1.
        y2 (int): Row after the last one, above y1.
    """

    image: int
    partner: int
    x1: int
    y1: int
    x2: int
    y2: int


def as_pastes(
    boxes: Iterable[Sequence[int]], partners: Sequence[int] | None = None
) -> list[Paste]:
    """Turn the boxes of one view into pastes, without the empty ones.

    Args:
        boxes (Iterable[Sequence[int]]): x1, y1, x2, y2 for every image of
            the batch, half-open, as in :class:`Box`.
        partners (Sequence[int], optional): Index of every image's partner.
            Defaults to None: the index of the image.

    Returns:
        list[Paste]: One for each box that is not empty.
    """
    pastes = []
    for i, corners in enumerate(boxes):
        box = Box(*map(int, corners))
        if not box.empty:
            pastes.append(Paste(i, i if partners is None else partners[i], *box))
    return pastes
