"""Image files: decode any bit depth and channel count, read sizes, write PNGs."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from .extras import import_extra, missing_extra
from .files import write_whole
from .storage import open_file

Range = tuple[float, float] | Sequence[tuple[float, float]]

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
TIFF_USE = 'A TIFF of floats, or with other than 1 or 3 channels,'
ANY_DEPTH_BGR = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


class UnfitImage(ValueError):
    """A valid image file that differs from what the data set declares."""


def decode_channels(content: bytes, channels: int) -> np.ndarray | None:
    """Decode an image and keep its bit depth and channels.

    Args:
        content (bytes): The content of the file.
        channels (int): With 3, the result is BGR whatever the file holds.
            Any other number must be that of the file; the order of the file is
            kept, and tifffile reads TIFF files.

    Returns:
        ndarray | None: (H, W, channels) with the dtype of the file, or None
        if it cannot be decoded.

    Raises:
        ImportError: The file needs tifffile, which is not installed.
        UnfitImage: The file has another number of channels.
    """
    is_tiff = content[:4] in TIFF
    if channels == 3:
        img = decode_opencv(content, ANY_DEPTH_BGR)
        if img is None and is_tiff:
            img = as_bgr(read_tiff(content))
    elif is_tiff:
        img = read_tiff(content)
    else:
        img = decode_opencv(content, cv2.IMREAD_UNCHANGED)
        if img is not None and img.ndim == 3:  # to the order of the file
            img = img[..., [2, 1, 0, 3][: img.shape[2]]]
    if img is None:
        return None
    img = channels_last(img, channels)
    if img.shape[2] != channels:
        raise UnfitImage(
            f'it has {img.shape[2]} channels, but `channels` of LoadSegImage is '
            f'{channels}. Set it to {img.shape[2]}'
        )
    return img


def decode_opencv(content: bytes, flags: int) -> np.ndarray | None:
    """Decode an image with OpenCV; None if it cannot."""
    return cv2.imdecode(np.frombuffer(content, np.uint8), flags)


def read_tiff(content: bytes) -> np.ndarray:
    """Decode a TIFF of any number of channels and any bit depth.

    Raises:
        ImportError: tifffile is not installed, or imagecodecs, which it needs
            for compressed files.
    """
    tifffile = import_extra('tifffile', TIFF_USE)
    try:
        return tifffile.imread(io.BytesIO(content))
    except ValueError as error:
        if 'imagecodecs' not in str(error):
            raise
        raise missing_extra('imagecodecs', f'A compressed TIFF ({error})') from error


def image_size(path: str | Path) -> tuple[int, int]:
    """Read the height and width of an image from its header alone.

    Args:
        path (str or Path): The image, or its address.

    Raises:
        ImportError: The file needs tifffile, which is not installed.
        OSError: The file is missing, is not an image, or is too large to open.
    """
    with open_file(path) as file:
        is_tiff = file.read(4) in TIFF
        file.seek(0)
        try:
            with Image.open(file) as image:
                if not is_tiff or getattr(image, 'n_frames', 1) == 1:
                    return image.height, image.width
        except UnidentifiedImageError as error:
            if not is_tiff:
                raise UnidentifiedImageError(
                    f'cannot identify image file {str(path)!r}'
                ) from error
        except Image.DecompressionBombError as error:
            raise OSError(f'{path}: {error}') from error
        file.seek(0)
        with import_extra('tifffile', TIFF_USE).TiffFile(file) as tiff:
            shape = tiff.series[0].shape
    height, width = channels_last(np.empty(shape, np.uint8)).shape[:2]
    return height, width


def channels_last(img: np.ndarray, channels: int | None = None) -> np.ndarray:
    """Reorder (H, W), (C, H, W) or (H, W, C) to (H, W, C).

    Args:
        img (ndarray): Two or three dimensions.
        channels (int, optional): Size of the channel dimension. Defaults to
            None: the first dimension holds the channels if it is shorter than
            the last.
    """
    if img.ndim == 2:
        return img[..., None]
    first, last = img.shape[0], img.shape[-1]
    if last == channels or (first != channels and last <= first):
        return img
    return img.transpose(1, 2, 0)


def as_bgr(img: np.ndarray) -> np.ndarray:
    """Convert gray or RGB of any dtype to BGR (H, W, 3)."""
    img = channels_last(img)
    return np.repeat(img[..., :1], 3, 2) if img.shape[2] < 3 else img[..., 2::-1]


def to_8bit(img: np.ndarray, value_range: Range | None) -> np.ndarray:
    """Map a range of values linearly to 0..255.

    Args:
        img (ndarray): (H, W, C); uint8 is returned unchanged.
        value_range (tuple, optional): ``(low, high)``, which become 0 and 255,
            for all channels, or one pair per channel. Defaults to None: the
            whole range of uint16.

    Returns:
        ndarray: (H, W, C) uint8. Values outside the range are clipped, NaN
        becomes 0.

    Raises:
        UnfitImage: The dtype is neither uint8 nor uint16, and no range is given.
    """
    if img.dtype == np.uint8:
        return img
    if value_range is None:
        if img.dtype != np.uint16:
            raise UnfitImage(
                f'it holds {img.dtype} values. Set `value_range` to those that '
                'become 0 and 255'
            )
        value_range = (0, 65535)
    low, high = np.moveaxis(np.asarray(value_range, np.float32), -1, 0)
    scaled = (img.astype(np.float32) - low) * (255 / (high - low))
    return np.nan_to_num(scaled).clip(0, 255).round().astype(np.uint8)


def write_indices(file: str | Path, indices: np.ndarray) -> None:
    """Write class indices (H, W) uint8 as a gray PNG; see :func:`write_whole`."""
    content = io.BytesIO()
    Image.fromarray(indices).save(content, 'PNG')
    write_whole(file, content.getvalue())


def write_picture(file: str | Path, picture: np.ndarray) -> None:
    """Write a BGR picture (H, W, 3) uint8 as PNG; see :func:`write_whole`."""
    write_whole(file, cv2.imencode('.png', picture)[1].tobytes())
