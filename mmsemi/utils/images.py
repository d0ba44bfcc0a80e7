"""Pixels of any depth and number of channels, and labels of any code."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from .files import write_whole

Range = tuple[float, float] | Sequence[tuple[float, float]]
Code = int | Sequence[int]

TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
ANY_DEPTH_BGR = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


class UnfitImage(ValueError):
    """A sound file that is not what the data set said."""


def decode_channels(content: bytes, channels: int) -> np.ndarray | None:
    """Decode an image without losing depth or channels.

    Args:
        content (bytes): Of the file.
        channels (int): With 3 the result is BGR, whatever the file holds.
            Any other number is that of the file, in its order; TIFF files
            are then read by tifffile.

    Returns:
        ndarray: (H, W, channels) of the file's type; None where it cannot be
        decoded.

    Raises:
        ImportError: The file asks for tifffile, which is not there.
        UnfitImage: The file has another number of channels.
    """
    is_tiff = content[:4] in TIFF
    if channels == 3:
        img = cv2.imdecode(np.frombuffer(content, np.uint8), ANY_DEPTH_BGR)
        if img is None and is_tiff:
            img = as_bgr(read_tiff(content))
    elif is_tiff:
        img = read_tiff(content)
    else:
        img = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if img is not None and img.ndim == 3:  # in the order of the file
            img = img[..., [2, 1, 0, 3][: img.shape[2]]]
    if img is None:
        return None
    img = channels_last(img, channels)
    if img.shape[2] != channels:
        raise UnfitImage(
            f'it has {img.shape[2]} channels, not the '
            f'{channels} that `channels` of LoadSegImage says'
        )
    return img


def read_tiff(content: bytes) -> np.ndarray:
    """A TIFF with as many channels and bits as it has.

    Raises:
        ImportError: tifffile is not installed, or imagecodecs, which it asks
            for where the file is compressed.
    """
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            'a TIFF with other than 1 or 3 channels, or of floats, is read '
            'by tifffile: `pip install tifffile`'
        ) from error
    try:
        return tifffile.imread(io.BytesIO(content))
    except ValueError as error:
        if 'imagecodecs' not in str(error):
            raise
        raise ImportError(f'{error}: `pip install imagecodecs`') from error


def header_size(path: str) -> tuple[int, int]:
    """Width and height of an image, from its header alone.

    Raises:
        OSError: It is missing, no image, or too large to be opened.
    """
    with open(path, 'rb') as file:
        is_tiff = file.read(4) in TIFF
    try:
        with Image.open(path) as image:
            if not is_tiff or getattr(image, 'n_frames', 1) == 1:
                return image.size
    except UnidentifiedImageError:
        if not is_tiff:
            raise
    except Image.DecompressionBombError as error:
        raise OSError(str(error)) from error
    from tifffile import TiffFile  # knows any number of channels

    with TiffFile(path) as tiff:
        shape = tiff.series[0].shape
    height, width = channels_last(np.empty(shape, np.uint8)).shape[:2]
    return width, height


def channels_last(img: np.ndarray, channels: int | None = None):
    """(H, W), (C, H, W) or (H, W, C) to (H, W, C).

    Args:
        img (ndarray): Two or three dimensions.
        channels (int, optional): Which dimension holds them.  Defaults to
            None: the shortest one of the first and the last.
    """
    if img.ndim == 2:
        return img[..., None]
    first, last = img.shape[0], img.shape[-1]
    if last == channels or (first != channels and last <= first):
        return img
    return img.transpose(1, 2, 0)


def as_bgr(img: np.ndarray) -> np.ndarray:
    """Gray or RGB, of any depth, to BGR (H, W, 3)."""
    img = channels_last(img)
    return np.repeat(img[..., :1], 3, 2) if img.shape[2] < 3 else img[..., 2::-1]


def to_8bit(img: np.ndarray, value_range: Range | None) -> np.ndarray:
    """Map a range of values linearly to 0..255.

    Args:
        img (ndarray): (H, W, C); what is 8-bit already stays as it is.
        value_range (tuple, optional): What becomes 0 and what becomes 255,
            the same for all channels or a pair for each.  Defaults to None:
            all that 16 bits can hold.

    Returns:
        ndarray: (H, W, C) uint8; beyond the range clipped, NaN 0.

    Raises:
        UnfitImage: Neither 8 nor 16 bits, and no range.
    """
    if img.dtype == np.uint8:
        return img
    if value_range is None:
        if img.dtype != np.uint16:
            raise UnfitImage(
                f'it holds {img.dtype} values: say which of '
                'them become 0 and 255 by `value_range`'
            )
        value_range = (0, 65535)
    low, high = np.moveaxis(np.asarray(value_range, np.float32), -1, 0)
    scaled = (img.astype(np.float32) - low) * (255 / (high - low))
    return np.nan_to_num(scaled).clip(0, 255).round().astype(np.uint8)


def pack_colors(mask: np.ndarray) -> np.ndarray:
    """BGR (H, W, 3) to one number per pixel, 0xRRGGBB: (H, W) int32."""
    blue, green, red = np.moveaxis(mask.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def show_code(code: int, colored: bool) -> str:
    """A code as a classes file writes it: ``7``, or ``#804080``."""
    return f'#{code:06x}' if colored else str(code)


class ValueMap:
    """What the pixels of a mask file stand for.

    Args:
        pairs (Sequence): ``(code, label)`` each: a code is a number, or an
            RGB triple (for all pairs, then), the label a class or 255.

    Raises:
        ValueError: Numbers and colours are mixed, or a code stands for two
            labels.
    """

    def __init__(self, pairs: Sequence[tuple[Code, int]]) -> None:
        codes = [code for code, _ in pairs]
        self.colored = not isinstance(codes[0], int)
        if any(isinstance(code, int) == self.colored for code in codes):
            raise ValueError(
                f'`value_map` mixes numbers and colours: {codes}. Give one kind.'
            )
        if self.colored:
            codes = [r << 16 | g << 8 | b for r, g, b in codes]
        order = np.argsort(codes)
        self.codes = np.array(codes)[order]
        self.labels = np.array([label for _, label in pairs], np.uint8)[order]
        twice = self.codes[1:][self.codes[1:] == self.codes[:-1]]
        if len(twice):
            raise ValueError(
                f'{show_code(int(twice[0]), self.colored)} stands for two '
                'classes. Keep one.'
            )

    def __call__(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels of codes, and which codes are unknown.

        Returns:
            tuple[ndarray, ndarray]: uint8 and bool, in the shape of
            ``codes``; labels of unknown codes mean nothing.
        """
        index = np.searchsorted(self.codes, codes)
        index = np.minimum(index, len(self.codes) - 1)
        return self.labels[index], self.codes[index] != codes

    def describe(self, codes: np.ndarray, most: int = 5) -> str:
        """The first few codes, with the number of their pixels."""
        values, counts = np.unique(codes, return_counts=True)
        order = np.argsort(-counts)[:most]
        shown: list[str] = [
            f'{show_code(int(values[i]), self.colored)} ({counts[i]} pixels)'
            for i in order
        ]
        return ', '.join(shown + ['...'] * (len(values) > most))


def read_indices(file: str | Path) -> np.ndarray:
    """Read a gray or paletted image as class indices.

    Args:
        file (str or Path): The image.

    Returns:
        ndarray: (H, W), whole numbers.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be decoded, or has colours.
    """
    try:
        with Image.open(file) as image:
            indices = np.asarray(image)
    except FileNotFoundError:
        raise
    except Exception as error:  # every decoder raises errors of its own
        raise ValueError(
            f'{file} cannot be decoded ({error}); fetch it again.'
        ) from error
    if indices.ndim != 2:
        raise ValueError(
            f'{file} holds colours, {indices.shape[2]} '
            'channels, where class indices were expected.'
        )
    return indices.astype(np.uint8) if indices.dtype == bool else indices


def write_indices(file: str | Path, indices: np.ndarray) -> None:
    """Write class indices (H, W), uint8, as a gray PNG, whole or not."""
    content = io.BytesIO()
    Image.fromarray(indices).save(content, 'PNG')
    write_whole(file, content.getvalue())


def write_picture(file: str | Path, picture: np.ndarray) -> None:
    """Write a BGR picture (H, W, 3), uint8, as PNG, whole or not."""
    write_whole(file, cv2.imencode('.png', picture)[1].tobytes())


def image_size(file: str | Path) -> tuple[int, int]:
    """Height and width of an image, from its header alone.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no image.
    """
    try:
        with Image.open(file) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f'{file} is no image ({error}).') from error
