"""Make labeled lists: nested, seeded, balanced over the classes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmsemi.datasets.lists import list_line, read_list
from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.utils.codes import IGNORE
from mmsemi.utils.files import raise_failures, run_parallel, write_whole


def read_labels(
    masks: Sequence[str | Path], zero_is_ignore: bool = False, workers: int = 1
) -> list[list[int]]:
    """Read which labels each mask holds.

    Args:
        masks (Sequence): Files of class indices.
        zero_is_ignore (bool): Whether 0 is no class (``reduce_zero_label``).
        workers (int): Number of processes that read.

    Returns:
        list[list[int]]: The different values in each file, 0..255.

    Raises:
        ValueError: A mask cannot be read, or holds no class indices.
    """
    rows, failures = run_parallel(_read_labels, masks, 'Reading masks', workers)
    raise_failures(failures, 'Reading masks')
    return [[v for v in values if v or not zero_is_ignore] for _, values in rows]


def _read_labels(mask: str | Path) -> list[int]:
    pixels = read_codes(mask)
    if pixels.dtype.kind == 'f' or pixels.min() < 0 or pixels.max() > IGNORE:
        raise ValueError(
            f'{mask} holds values {pixels.min()} to {pixels.max()}, not class '
            f'indices 0 to {IGNORE}. Convert it.'
        )
    return np.flatnonzero(np.bincount(pixels.ravel())).tolist()


def shown_classes(labels: Sequence[Iterable[int]]) -> np.ndarray:
    """Mark the classes that each mask shows.

    Args:
        labels (Sequence): The labels that each mask holds, 0..255.

    Returns:
        ndarray: (N, 255) bool; 255 (ignore) is no class.
    """
    shown = np.zeros((len(labels), IGNORE + 1), bool)
    for row, held in zip(shown, labels, strict=True):
        row[list(held)] = True
    return shown[:, :IGNORE]


def balanced_order(shown: np.ndarray, count: int, seed: int) -> list[int]:
    """Order images for labeling.

    The next image is always a random one of the class that the fewest of the
    chosen images show (if tied, the rarest class). Every prefix is a balanced
    choice, so the lists cut from one order are nested.

    Args:
        shown (ndarray): (N, C) bool, from :func:`shown_classes`.
        count (int): Number of images to choose, at most N.
        seed (int): The same seed gives the same order on every machine.

    Returns:
        list[int]: ``count`` different rows of ``shown``.
    """
    # RandomState: its streams never change with NumPy's version.
    shuffled = np.random.RandomState(seed).permutation(len(shown))
    classes = np.flatnonzero(shown.any(0))
    classes = classes[np.argsort(shown[:, classes].sum(0), kind='stable')]
    shown = shown[:, classes]
    waiting = [iter(shuffled[column].tolist()) for column in shown[shuffled].T]
    chosen: dict[int, None] = {}
    times = np.zeros(len(classes))
    while len(chosen) < count and np.isfinite(times).any():
        scarce = int(times.argmin())
        image = next((i for i in waiting[scarce] if i not in chosen), None)
        if image is None:
            times[scarce] = np.inf  # all of its images are chosen
        else:
            chosen[image] = None
            times += shown[image]
    # Images of nothing but ignored pixels come last.
    rest = (i for i in shuffled.tolist() if i not in chosen)
    return [*chosen, *rest][:count]


def generate_lists(
    data_root: str | Path,
    train_list: str,
    parts: Sequence[int],
    seed: int,
    zero_is_ignore: bool = False,
    workers: int = 1,
) -> dict[str, list[int]]:
    """Write ``splits/seedSEED_1_PART.txt`` for every part of a train list.

    A list holds lines of the train list, in its order. Larger lists contain
    the smaller ones.

    Args:
        data_root (str or Path): Folder that lists are relative to.
        train_list (str): The train list; every line needs a mask.
        parts (Sequence[int]): 16 stands for a sixteenth of the images.
        seed (int): See :func:`balanced_order`.
        zero_is_ignore (bool): See :func:`read_labels`.
        workers (int): Number of processes that read masks.

    Returns:
        dict[str, list[int]]: For every list, the number of its images that
        show each class of the train list.

    Raises:
        FileNotFoundError, ValueError: The list or a mask is missing or
            wrong, or a part is less than one image.
    """
    data_root = Path(data_root)
    entries = read_list(data_root / train_list)
    without = [entry.image for entry in entries if entry.mask is None]
    if without:
        raise ValueError(
            f'{data_root / train_list} names no mask for {without[0]} '
            f'({len(without)} lines in all). Add the masks: balancing needs them.'
        )
    sizes = {part: int(len(entries) / part + 0.5) for part in parts}
    if min(sizes.values()) < 1 or max(sizes.values()) >= len(entries):
        raise ValueError(
            f'{data_root / train_list} has {len(entries)} lines, so that '
            f'{list(parts)} do not all give between one image and all but one. '
            'Choose others with --parts.'
        )
    masks = [data_root / entry.mask for entry in entries if entry.mask]
    shown = shown_classes(read_labels(masks, zero_is_ignore, workers))
    order = balanced_order(shown, max(sizes.values()), seed)
    classes = shown.any(0)
    lists = {}
    for part, size in sorted(sizes.items(), reverse=True):
        chosen = sorted(order[:size])
        name = f'splits/seed{seed}_1_{part}.txt'
        text = ''.join(list_line(*entries[i]) for i in chosen)
        write_whole(data_root / name, text.encode())
        lists[name] = shown[chosen][:, classes].sum(0).tolist()
    return lists
