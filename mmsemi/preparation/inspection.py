"""Inspect the lists of a data set before a long run."""

import hashlib
import os.path as osp
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from mmengine.dataset import BaseDataset

from mmsemi.datasets.fit import too_few_classes, transform_of
from mmsemi.datasets.transforms import LoadSegImage, LoadSegMask, RandomScaleCrop
from mmsemi.utils.codes import IGNORE
from mmsemi.utils.progress import progress_bar
from mmsemi.utils.text import some

ERROR, WARNING = 'error', 'warning'


class Finding(NamedTuple):
    """Something that is wrong.

    Attributes:
        level (str): ``'error'`` or ``'warning'``.
        check (str): The check that found it, one word.
        message (str): With file, value and cure.
    """

    level: str
    check: str
    message: str


class Entry(NamedTuple):
    """A line of a list, as it was read.

    Attributes:
        path (str): The image.
        size (tuple[int, int], optional): Height and width.
        digest (str, optional): Hash of the image's pixels.
        pixels (ndarray, optional): (256,) number of pixels of each label.
        fault (str, optional): Why it could not be read.
    """

    path: str
    size: tuple[int, int] | None = None
    digest: str | None = None
    pixels: np.ndarray | None = None
    fault: str | None = None


Lists = dict[str, list[Entry]]  # by name: labeled, unlabeled, val


def inspect_lists(parts: dict[str, BaseDataset]) -> tuple[Lists, list[Finding]]:
    """Read all files of some lists and collect what is wrong.

    Args:
        parts (dict[str, BaseDataset]): ``labeled``, ``unlabeled`` and ``val``,
            or some of them. Masks of ``unlabeled`` are not read.
    """
    lists: Lists = {}
    findings: list[Finding] = []
    for name, dataset in parts.items():
        masks = name != 'unlabeled'
        entries = read_entries(dataset, masks)
        with progress_bar(entries, f'{name:9}', len(dataset)) as bar:
            lists[name] = list(bar)
        findings += find_faults(name, lists[name])
        findings += find_small(name, lists[name], dataset)
        if masks:
            findings += find_absent(name, lists[name], dataset.metainfo['classes'])
    findings += find_overlap(lists)
    return lists, findings


def read_entries(dataset: BaseDataset, with_masks: bool) -> Iterator[Entry]:
    """Read all files of a list in parallel, the way training does.

    Args:
        dataset (BaseDataset): Its pipeline says how to load.
        with_masks (bool): Whether to read the masks, too.
    """
    load_image = transform_of(dataset, LoadSegImage) or LoadSegImage()
    load_mask = transform_of(dataset, LoadSegMask) or LoadSegMask()

    def read(i: int) -> Entry:
        info = dataset.get_data_info(i)
        path = info['img_path']
        try:
            results = load_image(info)
            img = results['img']
            digest = hashlib.blake2b(img.tobytes(), digest_size=16).hexdigest()
            pixels = None
            if with_masks:
                mask = load_mask(results)['gt_seg_map']
                pixels = np.bincount(mask.ravel(), minlength=256)
            return Entry(path, img.shape[:2], f'{img.shape} {digest}', pixels)
        except (OSError, ValueError) as error:
            return Entry(path, fault=str(error))

    with ThreadPoolExecutor() as pool:
        yield from pool.map(read, range(len(dataset)))


def find_faults(name: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Find unusable files, repeated lines, copied images and empty masks."""
    for entry in entries:
        if entry.fault:
            yield Finding(ERROR, 'files', f'{name}: {entry.fault}')
    times = Counter(osp.realpath(entry.path) for entry in entries)
    twice = [path for path, count in times.items() if count > 1]
    if twice:
        said = f'{name}: {some(twice)} occur more than once. Keep one line of each.'
        yield Finding(WARNING, 'twice', said)
    copies = copies_between(entries, entries)
    if copies:
        said = f'{name}: {some(copies)} have the same pixels. Keep one of each.'
        yield Finding(WARNING, 'copies', said)
    empty = [
        entry.path
        for entry in entries
        if entry.pixels is not None and not entry.pixels[:IGNORE].any()
    ]
    if empty:
        said = (
            f'{name}: the masks of {some(empty)} hold only 255 (ignore). Remove them.'
        )
        yield Finding(WARNING, 'empty', said)


def copies_between(first: Sequence[Entry], second: Sequence[Entry]) -> list[str]:
    """List pairs ``A and B`` of different files with the same pixels, each once."""
    by_digest = defaultdict(set)
    for entry in first:
        if entry.digest:
            by_digest[entry.digest].add(entry.path)
    pairs = {
        ' and '.join(sorted((path, entry.path)))
        for entry in second
        for path in by_digest.get(entry.digest or '', ())
        if osp.realpath(path) != osp.realpath(entry.path)
    }
    return sorted(pairs)


def find_overlap(lists: Lists) -> Iterator[Finding]:
    """Find images that are in two lists, by path and by content.

    It is an error if one of them is the validation list. In both training
    lists it is a warning: some published protocols do that.
    """
    cure = 'Remove them from one of the two.'
    names = list(lists)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            level = ERROR if b == 'val' else WARNING
            paths = {osp.realpath(entry.path) for entry in lists[a]}
            shared = [
                entry.path for entry in lists[b] if osp.realpath(entry.path) in paths
            ]
            if shared:
                said = f'{some(shared)} are in the {a} list and in the {b} list. {cure}'
                yield Finding(level, 'overlap', said)
            copies = copies_between(lists[a], lists[b])
            if copies:
                said = f'{a} and {b}: {some(copies)} have the same pixels. '
                yield Finding(level, 'overlap-content', said + cure)


def find_absent(
    name: str, entries: Sequence[Entry], classes: Sequence[str]
) -> Iterator[Finding]:
    """Find classes without a pixel in a list, and lists with too few classes."""
    pixels = class_pixels(entries)
    shown = np.flatnonzero(pixels[: len(classes)]).tolist()
    if len(shown) < (2 if name == 'labeled' else 1) and any(
        entry.pixels is not None for entry in entries
    ):
        yield Finding(ERROR, 'single', f'{name}: {too_few_classes(shown, classes)}')
        return
    absent = [c for i, c in enumerate(classes) if not pixels[i]]
    if absent:
        cure = (
            'The network cannot learn them: label an image of each.'
            if name == 'labeled'
            else 'Their score will be undefined.'
        )
        said = f'{name}: no pixel of {", ".join(absent)}. {cure}'
        yield Finding(WARNING, 'absent', said)


def find_small(
    name: str, entries: Sequence[Entry], dataset: BaseDataset
) -> Iterator[Finding]:
    """Find images smaller than the crop, which will be padded."""
    crop = transform_of(dataset, RandomScaleCrop)
    if crop is None:
        return
    height, width = crop.crop_size
    small = [
        f'{entry.path} ({entry.size[1]}x{entry.size[0]})'
        for entry in entries
        if entry.size and (entry.size[0] < height or entry.size[1] < width)
    ]
    if small:
        said = (
            f'{name}: {some(small)} are smaller than the crop of {width}x{height} '
            'and will be padded. Choose a smaller crop_size if that is most of the '
            'images.'
        )
        yield Finding(WARNING, 'small', said)


def class_pixels(entries: Sequence[Entry]) -> np.ndarray:
    """Sum the pixels of each label over the masks of a list: (256,)."""
    counts = [e.pixels for e in entries if e.pixels is not None]
    return np.sum(counts, axis=0) if counts else np.zeros(256, np.int64)


def class_rows(lists: Lists, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Tabulate the share of each class in the pixels, and the images that show it.

    Returns:
        list[dict]: A row per class with its ``name`` and, for ``labeled`` and
        ``val``, ``LIST_share`` (0..1) and ``LIST_images``.
    """
    rows: list[dict[str, Any]] = [dict(name=name) for name in classes]
    for name in ('labeled', 'val'):
        if name not in lists:
            continue
        pixels = class_pixels(lists[name])[:IGNORE]
        total = max(int(pixels.sum()), 1)
        for i, row in enumerate(rows):
            row[f'{name}_share'] = float(pixels[i] / total)
            row[f'{name}_images'] = sum(
                bool(e.pixels[i]) for e in lists[name] if e.pixels is not None
            )
    return rows


def list_rows(lists: Lists) -> dict[str, dict[str, Any]]:
    """Tabulate the number of images of each list and their sizes (width, height)."""
    rows = {}
    for name, entries in lists.items():
        sizes = np.array([e.size for e in entries if e.size] or [(0, 0)])[:, ::-1]
        rows[name] = dict(
            images=len(entries),
            readable=sum(e.fault is None for e in entries),
            smallest=sizes.min(0).tolist(),
            median=np.median(sizes, 0).astype(int).tolist(),
            largest=sizes.max(0).tolist(),
        )
    return rows
