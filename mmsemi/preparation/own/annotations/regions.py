"""Regions of images that can be drawn, as read from any annotation file."""

import base64
import binascii
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmsemi.utils.images import decode_opencv

from ...converters.coco_regions import polygon_mask, run_length_mask


class Region(NamedTuple):
    """A region of an image that has a label.

    Attributes:
        label (str): As the file names it.
        draw (Callable): Marks its pixels, (H, W) bool, given ``height`` and
            ``width`` of the image; raises ValueError if it is damaged.
        name (str): What error messages call it.
    """

    label: str
    draw: Callable[..., np.ndarray]
    name: str


class Annotated(NamedTuple):
    """An image with its regions; later ones cover earlier ones.

    Attributes:
        name (str): Its path, as the file gives it.
        size (tuple[int, int], optional): Height and width that the file gives.
        regions (list[Region]): From bottom to top.
        file (Path): The annotation file.
    """

    name: str
    size: tuple[int, int] | None
    regions: list[Region]
    file: Path


class Annotations(NamedTuple):
    """The contents of annotation files.

    Attributes:
        images (list[Annotated]): All images that they list.
        labels (list[str]): The labels that they declare, in their order.
        unusable (list[str]): A message for each part that cannot be used.
    """

    images: list[Annotated]
    labels: list[str]
    unusable: list[str]


class Reader:
    """Collect the regions of a file, and the parts that cannot be used.

    Args:
        file (Path): The annotation file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.unusable: list[str] = []

    def region(
        self, name: str, label: Any, make: Callable[[], Callable[..., np.ndarray]]
    ) -> list[Region]:
        """Return a region in a list, which is empty if it cannot be used.

        Args:
            name (str): What error messages call it.
            label (str): Its label.
            make (Callable): Returns the function that draws it, or raises an
                error.
        """
        try:
            draw = make()
        except KeyError as error:
            self.refuse(name, f'it has no {error}')
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            self.refuse(name, str(error))
        else:
            if isinstance(label, str) and label.strip():
                return [Region(label.strip(), draw, f'{self.file}, {name}')]
            self.refuse(name, 'it has no label')
        return []

    def refuse(self, name: str, why: str) -> None:
        """Record a part that cannot be used, and why."""
        self.unusable.append(f'{self.file}, {name}: {why}')


def as_size(height: Any, width: Any) -> tuple[int, int] | None:
    """Return height and width as numbers, or None if the file has none."""
    return (int(height), int(width)) if height and width else None


def as_points(numbers: Any) -> np.ndarray:
    """Return the corners of a polygon or box: (N, 2) x and y.

    Raises:
        ValueError: They are no pairs of finite numbers.
    """
    points = np.asarray(numbers, np.float64)
    if points.size % 2 or not np.isfinite(points).all():
        raise ValueError('its points are no pairs of finite numbers')
    return points.reshape(-1, 2)


def polygons(parts: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """Mark the pixels whose centre lies in one of several polygons.

    Args:
        parts (Sequence[ndarray]): (N, 2) corners of each, in pixels.
        height (int): Height of the image.
        width (int): Width of the image.
    """
    mask = np.zeros((height, width), bool)
    for points in parts:
        mask |= polygon_mask(points.ravel().tolist(), height, width)
    return mask


def box_corners(
    left: float, top: float, right: float, bottom: float, degrees: float, pivot: Any
) -> np.ndarray:
    """Return the corners (4, 2) of a box that is turned clockwise about a point."""
    box = [(left, top), (right, top), (right, bottom), (left, bottom)]
    turn = np.deg2rad(degrees)
    matrix = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return as_points((np.subtract(box, pivot) @ np.transpose(matrix)) + pivot)


def ellipse(
    centre: Sequence[float],
    radii: Sequence[float],
    degrees: float,
    height: int,
    width: int,
) -> np.ndarray:
    """Mark the pixels whose centre lies in an ellipse, turned clockwise."""
    x = np.arange(width) + 0.5 - centre[0]
    y = np.arange(height)[:, None] + 0.5 - centre[1]
    turn = np.deg2rad(degrees)
    along = x * np.cos(turn) + y * np.sin(turn)
    across = y * np.cos(turn) - x * np.sin(turn)
    return (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1


def column_runs(
    counts: str | Sequence[int], size: tuple[int, int] | None, height: int, width: int
) -> np.ndarray:
    """Mark the pixels of COCO's run lengths, which may give their size, too."""
    if size and size != (height, width):
        raise ValueError(
            f'its runs are for {size[1]}x{size[0]} pixels, but the image has '
            f'{width}x{height}'
        )
    return run_length_mask(counts, height, width)


def row_runs(
    counts: Sequence[int], box: tuple[int, int, int, int], height: int, width: int
) -> np.ndarray:
    """Mark the pixels of CVAT's run lengths: outside and inside, along rows of a box.

    Args:
        counts (Sequence[int]): Lengths of runs; the first is outside.
        box (tuple[int]): Left, top, width and height.
        height (int): Height of the image.
        width (int): Width of the image.
    """
    left, top, columns, rows = box
    part = run_length_mask(counts, columns, rows).T
    return placed(part, left, top, height, width)


def png_box(content: str, left: int, top: int, height: int, width: int) -> np.ndarray:
    """Mark the pixels of LabelMe's masks: a PNG of a box, in base64."""
    try:
        part = decode_opencv(base64.b64decode(content), cv2.IMREAD_GRAYSCALE)
    except (binascii.Error, cv2.error, TypeError) as error:
        raise ValueError(f'its mask cannot be decoded ({error})') from error
    if part is None:
        raise ValueError('its mask is no PNG')
    return placed(part > 0, left, top, height, width)


def placed(
    part: np.ndarray, left: int, top: int, height: int, width: int
) -> np.ndarray:
    """Place the mask of a box in that of an image; what lies outside is cut off."""
    mask = np.zeros((height, width), bool)
    bottom, right = top + part.shape[0], left + part.shape[1]
    mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = part[
        max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)
    ]
    return mask


def brush(code: Sequence[int], height: int, width: int) -> np.ndarray:
    """Mark the pixels of Label Studio's brush: RGBA in packed run lengths.

    The code is a stream of bits: the number of values (32 bits), their size
    less one (5) and four sizes of counts less one (4 each). Then, for each
    run, a bit for whether its values are equal, 2 bits for the size of its
    count, the count less one, and one value or as many as it counts. A pixel
    has four values; it belongs to the region if the last, alpha, is not 0.

    Raises:
        ValueError: The code is cut off, or is for another size of image.
    """
    stream = np.unpackbits(np.asarray(code, np.uint8)).tobytes()
    place = 0

    def read(size: int) -> int:
        nonlocal place
        place += size
        if place > len(stream):
            raise ValueError('its brush strokes are cut off')
        value = 0
        for bit in stream[place - size : place]:
            value = value << 1 | bit
        return value

    total = read(32)
    if total != 4 * height * width:
        raise ValueError(
            f'its brush strokes are for {total // 4} pixels, but the image has '
            f'{width}x{height}'
        )
    word = read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values = np.zeros(total, bool)
    done = 0
    while done < total:
        equal = read(1)
        end = done + read(sizes[read(2)]) + 1
        if equal:
            values[done:end] = read(word) > 0
        else:
            values[done:end] = [read(word) > 0 for _ in range(min(end, total) - done)]
        done = end
    return values.reshape(height, width, 4)[..., 3]
