"""Turn a user's files into lists: read what they hold, and split them."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.utils.codes import IGNORE, ValueMap, show_code
from mmsemi.utils.extras import import_extra
from mmsemi.utils.images import TIFF, TIFF_USE, channels_last, decode_opencv, read_tiff
from mmsemi.utils.text import some, some_lines

from .classes import ClassTable

SAMPLE = 2048  # pixels per image for statistics


class ImageScan(NamedTuple):
    """What an image file holds.

    Attributes:
        size (tuple[int, int]): Height and width.
        channels (int): Channels that a network gets: gray counts as BGR.
        deep (bool): Whether it has more than 8 bits.
        sample (ndarray): (at most ``SAMPLE``, channels of the file) float32
            pixel values.
    """

    size: tuple[int, int]
    channels: int
    deep: bool
    sample: np.ndarray

    @property
    def gray(self) -> bool:
        """Tell whether no pixel of the sample has a color."""
        return self.channels == 3 and not np.ptp(self.sample[:, :3], axis=1).any()


class MaskScan(NamedTuple):
    """What a mask file holds.

    Attributes:
        size (tuple[int, int]): Height and width.
        pixels (dict[int, int]): Number of pixels of each code.
        inner (dict[int, int]): Those whose neighbors within two pixels have the
            same code.
        sample (ndarray): Codes of the pixels of :attr:`ImageScan.sample`.
    """

    size: tuple[int, int]
    pixels: dict[int, int]
    inner: dict[int, int]
    sample: np.ndarray


def scan_image(path: Path, channels: int | None = None) -> ImageScan:
    """Read what an image file holds.

    Args:
        path (Path): Any format.
        channels (int, optional): Number of channels to read it with. Defaults
            to None: 3, or the channels of a TIFF without transparency.

    Raises:
        ValueError: It cannot be decoded.
    """
    content = path.read_bytes()
    try:
        img, seen = _decode(content, channels)
    except Exception as error:  # every decoder raises errors of its own
        raise ValueError(
            f'{path} ({len(content)} bytes) cannot be decoded: it is empty, '
            f'truncated or of an unknown format ({error}).'
        ) from error
    height, width, depth = img.shape
    pixels = img.reshape(-1, depth)
    return ImageScan(
        (height, width),
        channels or seen,
        img.dtype != np.uint8,
        _sample(pixels).astype(np.float32),
    )


def _sample(pixels: np.ndarray) -> np.ndarray:
    """Take at most ``SAMPLE`` pixels, evenly spaced, of (H * W, ...)."""
    return pixels[:: len(pixels) // SAMPLE + 1]


def _decode(content: bytes, channels: int | None) -> tuple[np.ndarray, int]:
    """Decode an image (H, W, C); return also the channels that a network gets."""
    unread = None
    if content[:4] in TIFF:
        try:
            img = channels_last(read_tiff(content), channels)
            return img, _tiff_channels(content, img.shape[2])
        except ImportError as error:
            unread = error  # OpenCV reads most gray and colour ones
    decoded = decode_opencv(content, cv2.IMREAD_UNCHANGED)
    if decoded is None or (unread and decoded.ndim == 3 and decoded.shape[2] > 3):
        raise unread or ValueError('no decoder accepts it')
    return decoded if decoded.ndim == 3 else decoded[..., None], 3


def _tiff_channels(content: bytes, channels: int) -> int:
    """Count the channels of a TIFF that are not transparency; gray counts as 3."""
    with import_extra('tifffile', TIFF_USE).TiffFile(io.BytesIO(content)) as tiff:
        extra = tiff.pages.first.extrasamples
    channels -= sum(kind in (1, 2) for kind in extra)
    return 3 if channels == 1 else channels


def scan_mask(path: Path, colored: bool) -> MaskScan:
    """Count the pixels of every code in a mask.

    Raises:
        ValueError: It cannot be decoded, has colours instead of
            numbers, or holds fractions.
    """
    codes = read_codes(path, colored, gray=True)
    values, where, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if np.any(values != values.astype(np.int64)):
        raise ValueError(
            f'The mask {path} holds fractions ({codes.dtype}), but should hold '
            'numbers of classes. Round them.'
        )
    height, width = codes.shape
    # Thin structures have no pixel that is far from other codes.
    places = where.reshape(height, width).astype(np.uint16)
    around = np.ones((5, 5), np.uint8)
    inside = cv2.erode(places, around) == cv2.dilate(places, around)
    inner = np.bincount(places[inside], minlength=len(values))
    return MaskScan(
        (height, width),
        dict(zip(values.astype(int).tolist(), counts.tolist(), strict=True)),
        dict(zip(values.astype(int).tolist(), inner.tolist(), strict=True)),
        _sample(codes.reshape(-1)).astype(np.int64),
    )


def describe_colors(masks: dict[Path, MaskScan]) -> list[str]:
    """Say which colours masks hold, where the classes file gives none.

    Args:
        masks (dict[Path, MaskScan]): Scanned as colours.

    Returns:
        list[str]: One message, or none if there are no masks.
    """
    if not masks:
        return []
    found: Counter[int] = Counter()
    for scan in masks.values():
        found.update(scan.pixels)
    total = sum(found.values())
    shares = [
        f'{show_code(code, True)} ({count / total:.1%})'
        for code, count in found.most_common(40)
    ]
    return [
        f'The {len(masks)} masks are coloured, but the classes file gives no colours. '
        f'They hold {len(found)}, with these shares of the pixels: '
        f'{some(shares, 20)}. Add to each class its own, "NAME: #804080", and the '
        'rest as "ignore: COLOUR, COLOUR"'
    ]


def settle_codes(table: ClassTable, masks: dict[Path, MaskScan]) -> ClassTable:
    """Return the class table with the codes that the masks use.

    If there are two classes without codes, and masks of 0 and 255 only, the
    codes are 0 and 255.

    Raises:
        ValueError: Masks hold codes that are not in the classes file.
    """
    found: Counter[int] = Counter()
    for scan in masks.values():
        found.update(scan.pixels)
    if (
        not table.explicit
        and len(table.names) == 2
        and set(found) == {0, IGNORE}
        and not table.ignore
    ):
        table = table._replace(codes=((0,), (IGNORE,)), explicit=True)
    known = set(ValueMap(table.pairs).codes.tolist())
    unknown = [code for code, _ in found.most_common() if code not in known]
    if unknown:
        lines = []
        for code in unknown:
            files = [p for p, scan in masks.items() if code in scan.pixels]
            lines.append(
                f'{show_code(code, table.colored)}: {found[code]} '
                f'pixels in {len(files)} masks, for example {files[0]}'
            )
        lossy = any(path.suffix.lower() in ('.jpg', '.jpeg') for path in masks)
        raise ValueError(
            f'The masks hold {len(unknown)} values that the classes file '
            f'does not name:{some_lines(lines)}\nAdd them there, after the name '
            'of a class or as "ignore: CODE", or correct the masks.'
            + ' JPEG masks are lossy: save them as PNG from the original.'
            * lossy
        )
    return table


def deal(
    order: Sequence[int], val_fraction: float, labeled_fraction: float
) -> tuple[list[int], list[int], list[int]]:
    """Split an order of images into labeled, not labeled and validation.

    Validation takes every n-th image, so that it is spread over the order;
    labeled is the start of the rest. Larger labeled fractions contain the
    smaller ones.

    Returns:
        tuple[list[int]]: Only the second may be empty.
    """
    count = len(order)
    held = min(max(round(count * val_fraction), 1), count - 1)
    # The last of each of `held` equal parts.
    places = {(i + 1) * count // held - 1 for i in range(held)}
    val = [order[i] for i in sorted(places)]
    rest = [order[i] for i in range(count) if i not in places]
    labeled = max(round(len(rest) * labeled_fraction), 1)
    return rest[:labeled], rest[labeled:], val
