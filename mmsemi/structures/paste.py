"""What CutMix takes from where."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Paste(NamedTuple):
    """A box that an image takes from its partner.

    The host knows it, as it was drawn there: a device that pastes need not
    be asked for anything.

    Attributes:
        image (int): Place of the image in its batch.
        partner (int): Place of the partner in its own batch.
        x1 (int): Columns x1 to x2 - 1, in pixels.
        y1 (int): Rows y1 to y2 - 1, in pixels.
        x2 (int): Above x1.
        y2 (int): Above y1.
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
    """The boxes of a batch, without the empty ones.

    Args:
        boxes (Iterable[Sequence[int]]): x1, y1, x2, y2 for every image,
            half-open.
        partners (Sequence[int], optional): Place of every image's partner.
            Defaults to None: that of the image.
    """
    pastes = []
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        if x1 < x2 and y1 < y2:
            partner = i if partners is None else partners[i]
            pastes.append(Paste(i, partner, *map(int, (x1, y1, x2, y2))))
    return pastes
