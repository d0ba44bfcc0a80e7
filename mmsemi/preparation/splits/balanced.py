"""Labeled lists of one's own: nested, seeded, balanced over the classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmsemi.datasets.lists import list_line, read_list
from mmsemi.utils.files import raise_failures, run_parallel, write_whole
from mmsemi.utils.images import read_indices


def shown_classes(
    masks: Sequence[str | Path], zero_is_ignore: bool = False, workers: int = 1
) -> np.ndarray:
    """Which classes each mask shows, in at least one pixel.

    Args:
        masks (Sequence): Files of class indices.
        zero_is_ignore (bool): Whether 0 is no class (``reduce_zero_label``).
            255 never is one.
        workers (int): Processes that read.

    Returns:
        ndarray: (N, 256) bool, by the value in the file.

    Raises:
        ValueError: A mask cannot be read.
    """
    rows, failures = run_parallel(
        _shown, [str(mask) for mask in masks], 'Reading masks', workers
    )
    raise_failures(failures, 'Reading masks')
    shown = np.stack([row for _, row in rows])
    shown[:, 255] = False
    if zero_is_ignore:
        shown[:, 0] = False
    return shown


def _shown(mask: str) -> np.ndarray:
    pixels = read_indices(mask)
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(
            f'{mask} holds no class indices but values '
            f'{pixels.min()} to {pixels.max()}.'
        )
    return np.bincount(pixels.ravel(), minlength=256) > 0


def balanced_order(shown: np.ndarray, count: int, seed: int) -> list[int]:
    """Images in the order in which to label them.

    Again and again, the class that the fewest of the chosen images show
    (among equals, the rarest) gets one more, at random.  Every prefix is a
    balanced choice, so the lists cut from one order are nested.

    Args:
        shown (ndarray): (N, C) bool, from :func:`shown_classes`.
        count (int): Images to choose, at most N.
        seed (int): The same seed gives the same order on every machine.

    Returns:
        list[int]: ``count`` different rows of ``shown``.
    """
    # RandomState, because its streams never change with numpy's version.
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

    A list holds the train list's lines, in its order.  Smaller lists are
    contained in larger ones.

    Args:
        data_root (str or Path): Folder that lists are relative to.
        train_list (str): All lines, each with a mask.
        parts (Sequence[int]): 16 stands for a sixteenth of the images.
        seed (int): See :func:`balanced_order`.
        zero_is_ignore (bool): See :func:`shown_classes`.
        workers (int): Processes that read masks.

    Returns:
        dict[str, list[int]]: For every list, by how many of its images each
        class of the train list is shown.

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
            f'({len(without)} lines in all); balanced lists need the masks.'
        )
    sizes = {part: int(len(entries) / part + 0.5) for part in parts}
    if min(sizes.values()) < 1 or max(sizes.values()) >= len(entries):
        raise ValueError(
            f'{data_root / train_list} has {len(entries)} lines: parts '
            f'{list(parts)} are not all between one image and all of them. '
            'Choose others by --parts.'
        )
    shown = shown_classes(
        [data_root / entry.mask for entry in entries], zero_is_ignore, workers
    )
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
