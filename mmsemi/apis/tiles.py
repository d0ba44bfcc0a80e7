"""Segment large images in overlapping tiles."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from .inference import ImagePipeline, check_probabilities
from .raster import Raster
from .sources import Image


class Tiling(NamedTuple):
    """How an image is cut.

    Attributes:
        size (int): Height and width of a tile, in pixels.
        overlap (int): Of neighboring tiles, in pixels; less than ``size``.
    """

    size: int = 1024
    overlap: int = 256


USUAL = Tiling()


class TiledPrediction(NamedTuple):
    """What a network predicts for an image in tiles.

    Attributes:
        image (Raster): The image.
        mask (ndarray): The class of every pixel, (H, W), uint8.
        confidence (ndarray, optional): The probability of this class, from 0
            to 255, (H, W), uint8.
    """

    image: Raster
    mask: np.ndarray
    confidence: np.ndarray | None


class Span(NamedTuple):
    """A tile along one side of the image.

    Attributes:
        tile (slice): Pixels that the network sees.
        kept (slice): Pixels whose prediction is taken from this tile: to the
            middle of the overlaps, or to the border.
    """

    tile: slice
    kept: slice


def spans(side: int, size: int, overlap: int) -> list[Span]:
    """Divide a side of an image among tiles.

    The last tile is shifted back to end at the border, so that all have one
    size, unless the image is smaller.

    Args:
        side (int): Height or width of the image.
        size (int): Of a tile.
        overlap (int): Of neighboring tiles, at least; less than ``size``.

    Returns:
        list[Span]: In order; the kept parts cover the side exactly once.
    """
    last = max(side - size, 0)
    starts = [*range(0, last, size - overlap), last]
    ends = [min(start + size, side) for start in starts]
    middles = [
        (end + start) // 2 for end, start in zip(ends[:-1], starts[1:], strict=True)
    ]
    cuts = [0, *middles, side]
    return [
        Span(slice(start, end), slice(*kept))
        for start, end, kept in zip(starts, ends, pairwise(cuts), strict=True)
    ]


def segment_tiles(
    model: nn.Module,
    image: Image,
    tiling: Tiling = USUAL,
    confidence: bool = False,
    amp: bool = False,
    track: Callable[[Iterable, int], Iterable] | None = None,
) -> TiledPrediction:
    """Segment one large image in overlapping tiles.

    The network sees one tile at a time and predicts it as the config says.  A
    pixel is taken from the tile whose border is farther from it.  In memory
    are a tile with its logits, two bytes per pixel for classes and confidence,
    and what :class:`Raster` needs: the file's pixels only where it cannot be
    read in parts.

    Args:
        model (nn.Module): Network from :func:`init_model`.
        image: Image file, or array (H, W, C) uint8 (BGR if C = 3).
        tiling (Tiling): Size and overlap of the tiles.
        confidence (bool): Also return the confidence.
        amp (bool): Compute in mixed precision.
        track (Callable, optional): Wraps the tiles and their number to show
            progress.

    Returns:
        TiledPrediction: Image, classes and confidence.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The image cannot be used; the tiles do not overlap as they
            should; the config resizes images to a fixed size; ``confidence``
            with test-time augmentation.
    """
    check_tiling(tiling)
    check_probabilities(model, confidence)
    pipeline = ImagePipeline(model)
    pipeline.check_keeps_scale()
    raster = Raster(image, pipeline.read, pipeline.load, tiling.size)
    height, width = raster.shape
    mask = np.empty((height, width), np.uint8)
    certain = np.empty((height, width), np.uint8) if confidence else None
    parts = [(y, x) for y in spans(height, *tiling) for x in spans(width, *tiling)]
    for rows, columns in track(parts, len(parts)) if track else parts:
        tile = raster.read(rows.tile, columns.tile)
        result = pipeline.segment(tile, confidence, amp)
        inner = _inner(rows), _inner(columns)
        kept = rows.kept, columns.kept
        mask[kept] = result.pred_sem_seg.data[0][inner].cpu().numpy()
        if certain is not None:
            share = result.confidence.data[0][inner]
            certain[kept] = (255 * share).round().to(torch.uint8).cpu().numpy()
    return TiledPrediction(raster, mask, certain)


def check_tiling(tiling: Tiling) -> None:
    """Check that tiles can cover an image.

    Raises:
        ValueError: They cannot.
    """
    if not 0 <= tiling.overlap < tiling.size:
        raise ValueError(
            f'Tiles of {tiling.size} pixels cannot overlap by {tiling.overlap}: the '
            'overlap is at least 0 and less than the tile, a quarter of it for '
            'example.'
        )


def _inner(span: Span) -> slice:
    """Return the kept pixels, counted from the start of the tile."""
    start = span.tile.start
    return slice(span.kept.start - start, span.kept.stop - start)
