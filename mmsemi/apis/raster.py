"""Read parts of images that are too large to hold as a whole."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmsemi.utils.images import TIFF, to_8bit

from .sources import Image


class Raster:
    """An image that is read part by part.

    A TIFF of 8 bits, or whose loader has a ``value_range``, with all channels
    of a pixel together, is not decoded as a whole: without compression parts
    are mapped from the file; otherwise the strips or tiles that a part covers
    are decoded, and those of the last row of parts are kept.  Other images are
    decoded once.

    Args:
        image: File, or array (H, W, C) uint8.
        load (Callable): Loads a file as array (H, W, C) uint8.
        loader: The transform behind it, for its ``channels`` and
            ``value_range``.
        rows (int): Height of the parts that will be read.

    Attributes:
        shape (tuple): Height and width.
    """

    def __init__(
        self, image: Image, load: Callable[[Image], np.ndarray], loader: Any, rows: int
    ) -> None:
        self.channels = getattr(loader, 'channels', 3)
        self.value_range = getattr(loader, 'value_range', None)
        self._pixels = self._open(image, rows) or _Decoded(load(image))
        self.shape = self._pixels.shape[:2]

    def _open(self, image: Image, rows: int) -> Any:
        """Open a TIFF that can be read by parts; None for other images."""
        if isinstance(image, np.ndarray) or not _is_tiff(image):
            return None
        try:
            import tifffile
        except ImportError:
            return None
        tiff = tifffile.TiffFile(image)
        page = tiff.pages[0]
        if tiff.series[0].shape != page.shape:  # pages that are one image
            return None
        kept = page.dtype == np.uint8 or self.value_range is not None
        together = page.ndim == 2 or page.planarconfig == tifffile.PLANARCONFIG.CONTIG
        plain = page.photometric in (
            tifffile.PHOTOMETRIC.MINISBLACK,
            tifffile.PHOTOMETRIC.RGB,
        )
        fits = self.channels in (3, page.samplesperpixel)
        if not (kept and together and plain and fits):
            return None
        if page.is_memmappable:
            return _Decoded(tifffile.memmap(image, page=0, mode='r'))
        return _Segments(page, rows)

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a part, (h, w, C) uint8; BGR if the network takes 3 channels."""
        part = self._pixels.read(rows, columns)
        if isinstance(self._pixels, _Decoded) and not self._pixels.mapped:
            return part
        if part.ndim == 2:
            part = part[..., None]
        if self.channels == 3:  # to BGR
            few = part.shape[2] < 3
            part = np.repeat(part[..., :1], 3, 2) if few else part[..., 2::-1]
        return np.ascontiguousarray(to_8bit(part, self.value_range))

    def reduced(self, factor: int) -> np.ndarray:
        """Return every n-th pixel of every n-th row, (h, w, C) uint8."""
        height, width = self.shape
        lines = [
            self.read(slice(y, y + 1), slice(0, width))[:, ::factor]
            for y in range(0, height, factor)
        ]
        return np.concatenate(lines)


class _Decoded:
    """Pixels of an array, perhaps mapped from a file."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape = pixels, pixels.shape
        self.mapped = isinstance(pixels, np.memmap)

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        return np.asarray(self.pixels[rows, columns])


class _Segments:
    """Pixels of a TIFF in compressed strips or tiles."""

    def __init__(self, page: Any, rows: int) -> None:
        self.page, self.shape = page, page.shape
        self.size = page.chunks[:2]
        self.across = -(-page.imagewidth // self.size[1])
        at_once = (rows // self.size[0] + 2) * self.across
        self.segment = functools.lru_cache(at_once)(self._decode)

    def _decode(self, index: int) -> np.ndarray:
        page = self.page
        file = page.parent.filehandle
        file.seek(page.dataoffsets[index])
        data = file.read(page.databytecounts[index])
        pixels, _, shape = page.decode(data, index, jpegtables=page.jpegtables)
        if pixels is None:  # a segment without data
            pixels = np.full(shape, page.nodata, page.dtype)
        pixels = pixels[0, : shape[1], : shape[2]]
        return pixels if len(self.shape) == 3 else pixels[..., 0]

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        height, width = self.size
        shape = rows.stop - rows.start, columns.stop - columns.start
        part = np.empty((*shape, *self.shape[2:]), self.page.dtype)
        for i in range(rows.start // height, -(-rows.stop // height)):
            for j in range(columns.start // width, -(-columns.stop // width)):
                pixels = self.segment(i * self.across + j)
                y, x = i * height, j * width
                top, left = max(rows.start, y), max(columns.start, x)
                bottom = min(rows.stop, y + pixels.shape[0])
                right = min(columns.stop, x + pixels.shape[1])
                part[
                    top - rows.start : bottom - rows.start,
                    left - columns.start : right - columns.start,
                ] = pixels[top - y : bottom - y, left - x : right - x]
        return part


def _is_tiff(file: str | Path) -> bool:
    with open(file, 'rb') as content:
        return content.read(4) in TIFF
