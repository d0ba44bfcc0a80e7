"""Convert COCO's regions, polygons and run lengths, to pixels."""

from collections.abc import Sequence

import numpy as np


def polygon_mask(polygon: Sequence[float], height: int, width: int) -> np.ndarray:
    """Mark the pixels whose centre lies in a polygon, by the even-odd rule.

    Args:
        polygon (Sequence[float]): x, y, x, y, ..., in pixels; the centre of
            the first pixel is (0.5, 0.5).
        height (int): Height of the image.
        width (int): Width of the image.

    Returns:
        ndarray: (H, W) bool.

    Raises:
        ValueError: It has fewer than three corners.
    """
    if len(polygon) < 6 or len(polygon) % 2:
        raise ValueError(
            f'a polygon has {len(polygon)} numbers; three corners are x, y, x, y, x, y'
        )
    x, y = np.asarray(polygon, np.float64).reshape(-1, 2).T
    left, right = np.clip([np.floor(x.min()), np.ceil(x.max())], 0, width)
    top, bottom = np.clip([np.floor(y.min()), np.ceil(y.max())], 0, height)
    box = np.s_[int(top) : int(bottom), int(left) : int(right)]
    mask = np.zeros((height, width), bool)
    mask[box] = _fill(x - left, y - top, *mask[box].shape)
    return mask


def _fill(x: np.ndarray, y: np.ndarray, height: int, width: int) -> np.ndarray:
    """Mark the pixels inside a polygon with corners (x, y)."""
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    centres = np.arange(height)[:, None] + 0.5
    rows, edges = np.nonzero((y <= centres) != (next_y <= centres))
    slopes = (next_x - x)[edges] / (next_y - y)[edges]
    crossings = x[edges] + (rows + 0.5 - y[edges]) * slopes
    # Every edge flips the pixels to its right. Only odd or even matters, which
    # a uint8 keeps when it wraps around.
    columns = np.ceil(crossings - 0.5).clip(0, width).astype(np.int64)
    flips = np.zeros((height, width + 1), np.uint8)
    np.add.at(flips, (rows, columns), 1)
    return flips.cumsum(1, dtype=np.uint8)[:, :width] % 2 == 1


def run_length_mask(counts: str | Sequence[int], height: int, width: int) -> np.ndarray:
    """Mark the pixels of a run-length code.

    Args:
        counts (Sequence[int] or str): Lengths of runs, alternately outside and
            inside, down the columns; as numbers, or in COCO's compressed text.
        height (int): Height of the image.
        width (int): Width of the image.

    Returns:
        ndarray: (H, W) bool.

    Raises:
        ValueError: The runs do not fill the image.
    """
    runs = _decompress(counts) if isinstance(counts, str) else counts
    if sum(runs) != height * width:
        raise ValueError(
            f'run lengths give {sum(runs)} pixels, but the image has {height}x{width}'
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def _decompress(text: str) -> list[int]:
    """Decode COCO's text: five bits per character, the sixth marks more to come.

    From the fourth number on, each is the difference to the one two before.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs
