"""From a user's folders to lists: pairing, scanning, splitting."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.utils.images import TIFF, ValueMap, channels_last, read_tiff, show_code
from mmsemi.utils.text import some_lines

from .classes import IGNORE, ClassTable

SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
SAMPLE = 2048  # pixels per image that statistics are taken from

Pair = tuple[Path, Path]


def find_files(folder: Path, without: Sequence[Path] = ()) -> dict[str, Path]:
    """Images below a folder, by their path in it without suffix.

    Args:
        folder (Path): Searched with all folders in it, hidden ones apart.
        without (Sequence[Path]): Folders that are left out.

    Raises:
        FileNotFoundError: There is no such folder, or no image in it.
        ValueError: Two images differ in the suffix alone.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'There is no folder {folder}.')
    without = [other.resolve() for other in without]
    files: dict[str, Path] = {}
    twice = []
    for path in sorted(folder.rglob('*')):
        local = path.relative_to(folder)
        if (
            path.suffix.lower() not in SUFFIXES
            or not path.is_file()
            or any(part.startswith(('.', '__MACOSX')) for part in local.parts)
            or any(other in path.resolve().parents for other in without)
        ):
            continue
        stem = local.with_suffix('').as_posix()
        if stem in files:
            twice.append(f'{files[stem]} and {path.name}')
        files[stem] = path
    if twice:
        raise ValueError(
            f'{len(twice)} images in {folder} share a name and differ in the '
            'suffix alone, so that no mask can be told to be theirs. Rename '
            f'or remove one of each:{some_lines(twice)}'
        )
    if not files:
        raise FileNotFoundError(
            f'No file below {folder} ends in one of {", ".join(SUFFIXES)}.'
        )
    return files


def pair_files(
    images: dict[str, Path],
    masks: dict[str, Path],
    mask_suffix: str = '',
    partial: bool = False,
) -> tuple[list[Pair], list[Path]]:
    """Match images and masks by name.

    Args:
        images (dict[str, Path]): Of :func:`find_files`.
        masks (dict[str, Path]): Likewise.
        mask_suffix (str): What a mask's name has behind the image's.
        partial (bool): Images without a mask are unlabeled, not an error.

    Returns:
        tuple: ``(image, mask)`` pairs, and the images without a mask.

    Raises:
        ValueError: An image without a mask, or a mask without an image.
    """
    alone = [stem for stem in images if stem + mask_suffix not in masks]
    wanted = {stem + mask_suffix for stem in images}
    orphans = [path for stem, path in masks.items() if stem not in wanted]
    faults = []
    if alone and not partial:
        faults.append(
            f'{len(alone)} of {len(images)} images have no mask. Give '
            '--partial to use them without labels, or --mask-suffix where '
            'names of masks end differently:'
            f'{some_lines(images[stem] for stem in alone)}'
        )
    if orphans:
        faults.append(
            f'{len(orphans)} of {len(masks)} masks have no image of their '
            f'name. Add the images, or remove the masks:{some_lines(orphans)}'
        )
    if faults:
        raise ValueError('\n'.join(faults))
    pairs = [
        (path, masks[stem + mask_suffix])
        for stem, path in images.items()
        if stem + mask_suffix in masks
    ]
    return pairs, [images[stem] for stem in alone]


class ImageScan(NamedTuple):
    """What is in an image file."""

    size: tuple[int, int]  # height, width
    channels: int  # that a network is given: gray counts as BGR
    deep: bool  # more than 8 bits
    sample: np.ndarray  # (at most SAMPLE, channels of the file)


class MaskScan(NamedTuple):
    """What is in a mask file."""

    size: tuple[int, int]
    pixels: dict[int, int]  # by code


def scan_image(path: Path, channels: int | None = None) -> ImageScan:
    """Look into an image.

    Args:
        path (Path): Any format.
        channels (int, optional): How many channels to see in it.  Defaults
            to None: 3, or as many as a TIFF has besides transparency.

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
    pixels = img.reshape(-1, img.shape[2])
    return ImageScan(
        img.shape[:2],
        channels or seen,
        img.dtype != np.uint8,
        pixels[:: len(pixels) // SAMPLE + 1].astype(np.float32),
    )


def _decode(content: bytes, channels: int | None) -> tuple[np.ndarray, int]:
    """An image (H, W, C), and how many channels a network is given of it."""
    unread = None
    if content[:4] in TIFF:
        try:
            img = channels_last(read_tiff(content), channels)
            return img, _tiff_channels(content, img.shape[2])
        except ImportError as error:
            unread = error  # OpenCV reads most gray and colour ones
    img = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if img is None or (unread and img.ndim == 3 and img.shape[2] > 3):
        raise unread or ValueError('no decoder takes it')
    return img if img.ndim == 3 else img[..., None], 3


def _tiff_channels(content: bytes, channels: int) -> int:
    """Channels of a TIFF that are not transparency; gray counts as 3."""
    from tifffile import TiffFile

    with TiffFile(io.BytesIO(content)) as tiff:
        extra = tiff.pages[0].extrasamples
    channels -= sum(kind in (1, 2) for kind in extra)
    return 3 if channels == 1 else channels


def scan_mask(path: Path, colored: bool) -> MaskScan:
    """Count the pixels of every code in a mask.

    Raises:
        ValueError: It cannot be decoded, or has colours where numbers were
            expected, or fractions.
    """
    codes = read_codes(str(path), colored, gray=True)
    if codes.ndim != 2:
        raise ValueError(
            f'The mask {path} holds colours. Write the colour of every class '
            'into the classes file ("NAME: 128 64 128").'
        )
    values, counts = np.unique(codes, return_counts=True)
    if np.any(values != values.astype(np.int64)):
        raise ValueError(
            f'The mask {path} holds fractions ({codes.dtype}), '
            'but should hold numbers of classes.'
        )
    return MaskScan(
        codes.shape, {int(value): int(count) for value, count in zip(values, counts)}
    )


def settle_codes(table: ClassTable, masks: dict[Path, MaskScan]) -> ClassTable:
    """The class table that the masks follow.

    Two classes without codes, in masks of 0 and 255 alone, are 0 and 255.

    Raises:
        ValueError: Masks hold what the classes file does not name.
    """
    found = Counter()
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
                f'pixels in {len(files)} masks, {files[0]} for one'
            )
        lossy = any(path.suffix.lower() in ('.jpg', '.jpeg') for path in masks)
        raise ValueError(
            f'The masks hold {len(unknown)} values that the classes file '
            f'does not name:{some_lines(lines)}\nAdd them there, behind a '
            'class or as "ignore: CODE", or correct the masks.'
            + (
                ' JPEG masks are lossy: save them as PNG from the original.'
                if lossy
                else ''
            )
        )
    return table


def shown_classes(scans: Sequence[MaskScan], table: ClassTable) -> np.ndarray:
    """Which classes each scanned mask shows: (N, classes) bool."""
    value_map = ValueMap(table.pairs)
    shown = np.zeros((len(scans), IGNORE + 1), bool)
    for row, scan in zip(shown, scans):
        labels, _ = value_map(np.array(list(scan.pixels)))
        row[labels] = True
    return shown[:, : len(table.names)]


def deal(
    order: Sequence[int], val_fraction: float, labeled_fraction: float
) -> tuple[list[int], list[int], list[int]]:
    """Deal an order out: labeled, not labeled, validation.

    Validation takes every so manieth, so that it spreads over the order as
    the rest does; labeled is the start of the rest.  Smaller labeled
    fractions are contained in larger ones.

    Returns:
        tuple[list[int]]: None empty but the second.
    """
    count = len(order)
    held = min(max(round(count * val_fraction), 1), count - 1)
    # The last of each of `held` equal parts.
    places = {(i + 1) * count // held - 1 for i in range(held)}
    val = [order[i] for i in sorted(places)]
    rest = [order[i] for i in range(count) if i not in places]
    labeled = max(round(len(rest) * labeled_fraction), 1)
    return rest[:labeled], rest[labeled:], val
