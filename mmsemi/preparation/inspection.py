"""Looking at a data set before a long run: what is in it, what is wrong."""

import hashlib
import os.path as osp
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from mmengine.dataset import BaseDataset

from mmsemi.datasets.fit import transform_of
from mmsemi.datasets.transforms import LoadSegImage, LoadSegMask, RandomScaleCrop
from mmsemi.utils.text import some

ERROR, WARNING = 'error', 'warning'
IGNORE = 255


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        level (str): ``'error'`` or ``'warning'``.
        check (str): Which check found it, one word.
        message (str): With file, value and cure.
    """

    level: str
    check: str
    message: str


class Entry(NamedTuple):
    """A line of a list, as it was read.

    Attributes:
        path (str): The image.
        size (tuple[int], optional): Height and width.
        digest (str, optional): Of the image's pixels.
        pixels (ndarray, optional): (256,) pixels of every label.
        fault (str, optional): Why it could not be read.
    """

    path: str
    size: tuple[int, int] | None = None
    digest: str | None = None
    pixels: np.ndarray | None = None
    fault: str | None = None


def read_entries(
    dataset: BaseDataset, with_masks: bool, track: Callable
) -> list[Entry]:
    """Read all files of a list as training does, in parallel.

    Args:
        dataset (BaseDataset): Its pipeline says how to load.
        with_masks (bool): Whether masks are looked at.
        track (Callable): Wraps an iterator over the entries.
    """
    load_image = transform_of(dataset, LoadSegImage) or LoadSegImage()
    load_mask = transform_of(dataset, LoadSegMask) or LoadSegMask()

    def read(i: int) -> Entry:
        info = dataset.get_data_info(i)
        path = info['img_path']
        try:
            results = load_image(info)
            img = results['img']
            digest = hashlib.blake2b(
                np.ascontiguousarray(img), digest_size=16
            ).hexdigest()
            pixels = None
            if with_masks:
                mask = load_mask(results)['gt_seg_map']
                pixels = np.bincount(mask.ravel(), minlength=256)
            return Entry(path, img.shape[:2], f'{img.shape} {digest}', pixels)
        except (OSError, ValueError) as error:
            return Entry(path, fault=str(error))

    with ThreadPoolExecutor() as pool:
        return list(track(pool.map(read, range(len(dataset)))))


def find_faults(name: str, entries: Sequence[Entry]) -> list[Finding]:
    """Files that cannot be used, lines that come twice, empty masks."""
    findings = [
        Finding(ERROR, 'files', f'{name}: {entry.fault}')
        for entry in entries
        if entry.fault
    ]
    times = Counter(osp.realpath(entry.path) for entry in entries)
    twice = [path for path, count in times.items() if count > 1]
    if twice:
        findings.append(
            Finding(
                WARNING,
                'twice',
                f'{name}: {some(twice)} come more than once. Keep one line of each.',
            )
        )
    copies = copies_between(entries, entries)
    if copies:
        findings.append(
            Finding(
                WARNING,
                'copies',
                f'{name}: {show_pairs(copies)}: other '
                'files with the same pixels. Keep one.',
            )
        )
    empty = [
        entry.path
        for entry in entries
        if entry.pixels is not None and not entry.pixels[:IGNORE].any()
    ]
    if empty:
        findings.append(
            Finding(
                WARNING,
                'empty',
                f'{name}: the masks of {some(empty)} hold '
                'nothing but 255 (ignore). Take them out.',
            )
        )
    return findings


def copies_between(
    first: Sequence[Entry], second: Sequence[Entry]
) -> list[tuple[str, str]]:
    """Pairs of different files with the same pixels, each once."""
    by_digest = defaultdict(set)
    for entry in first:
        if entry.digest:
            by_digest[entry.digest].add(entry.path)
    pairs = {
        tuple(sorted((path, entry.path)))
        for entry in second
        for path in by_digest.get(entry.digest, ())
        if osp.realpath(path) != osp.realpath(entry.path)
    }
    return sorted(pairs)


def find_overlap(lists: dict[str, Sequence[Entry]]) -> list[Finding]:
    """Images in two lists, by path and by content.

    In the validation list as well they are errors; in both training lists a
    warning: some published protocols do that.
    """
    findings = []
    names = list(lists)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            level = ERROR if b == 'val' else WARNING
            paths = {osp.realpath(entry.path) for entry in lists[a]}
            shared = [
                entry.path for entry in lists[b] if osp.realpath(entry.path) in paths
            ]
            if shared:
                findings.append(
                    Finding(
                        level,
                        'overlap',
                        f'{some(shared)} stand in the {a} '
                        f'list as well as in the {b} list. Take them out of '
                        'one of the two.',
                    )
                )
            copies = copies_between(lists[a], lists[b])
            if copies:
                findings.append(
                    Finding(
                        level,
                        'overlap-content',
                        f'{a} and {b}: '
                        f'{show_pairs(copies)}: other files with the same '
                        'pixels. Take them out of one of the two.',
                    )
                )
    return findings


def find_absent(
    name: str, entries: Sequence[Entry], classes: Sequence[str]
) -> list[Finding]:
    """Classes of which a list has no pixel."""
    pixels = class_pixels(entries)
    absent = [c for i, c in enumerate(classes) if not pixels[i]]
    if not absent:
        return []
    cure = (
        'What is not shown is not learned: label an image of it.'
        if name == 'labeled'
        else 'Its score will be undefined.'
    )
    return [
        Finding(WARNING, 'absent', f'{name}: no pixel of {", ".join(absent)}. {cure}')
    ]


def find_small(
    name: str, entries: Sequence[Entry], dataset: BaseDataset
) -> list[Finding]:
    """Images smaller than the crop, which are padded."""
    crop = transform_of(dataset, RandomScaleCrop)
    if crop is None:
        return []
    height, width = crop.crop_size
    small = [
        f'{entry.path} ({entry.size[1]}x{entry.size[0]})'
        for entry in entries
        if entry.size and (entry.size[0] < height or entry.size[1] < width)
    ]
    if not small:
        return []
    return [
        Finding(
            WARNING,
            'small',
            f'{name}: {some(small)} are smaller than the '
            f'crop of {width}x{height} and will be padded. Choose a smaller '
            'crop_size if that is most of the images.',
        )
    ]


def class_pixels(entries: Sequence[Entry]) -> np.ndarray:
    """(256,) pixels of every label in all masks of a list."""
    counts = [e.pixels for e in entries if e.pixels is not None]
    return np.sum(counts, axis=0) if counts else np.zeros(256, np.int64)


def show_pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return some([f'{a} and {b}' for a, b in pairs])
