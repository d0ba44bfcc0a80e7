"""Read a user's folders of images and masks, and divide them into lists."""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from rich.console import Console

from mmsemi.datasets.fit import too_few_classes
from mmsemi.utils.files import run_parallel
from mmsemi.utils.text import some_lines

from ..splits.balanced import balanced_order, shown_classes
from .annotated import CLASSES, write_masks
from .classes import ClassTable, read_classes
from .dataset_config import describe_images
from .folders import deal, describe_colors, scan_image, scan_mask, settle_codes
from .naming import (
    Mark,
    Pair,
    by_name,
    find_files,
    guess,
    inside,
    pair_files,
    tell_apart,
)
from .record import Record, arguments_of
from .strong_view import propose


def prepare(args: SimpleNamespace) -> Record:
    """Read a user's files, and divide them into lists.

    Raises:
        ValueError: Files cannot be used; they are named.
    """
    if args.annotations:
        print(draw_annotations(args))
    table = read_classes(args.classes)
    pairs, unlabeled = find_images(args)
    images, masks = scan(args, table, pairs, unlabeled)
    table = settle_codes(table, masks)
    described = describe_images(list(images.values()))
    labels = [table.labels(masks[mask].pixels) for _, mask in pairs]
    shown = shown_classes(labels)
    if shown.any(0).sum() < 2:
        raise ValueError(too_few_classes(np.flatnonzero(shown.any(0)), table.names))
    order = (
        balanced_order(shown, len(pairs), args.seed)
        if args.balanced
        else np.random.RandomState(args.seed).permutation(len(pairs)).tolist()
    )
    labeled, rest, val = deal(order, args.val_fraction, args.labeled_fraction)
    unlabeled += [pairs[i][0] for i in rest]
    folders = (args.images, args.masks, *args.unlabeled)
    root = Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))

    def local(path: Path) -> str:
        return os.path.relpath(os.path.abspath(path), root)

    proposal = propose(
        list(images.values()),
        [(images[image], masks[mask]) for image, mask in pairs],
        table,
        described.value_range,
    )
    return Record(
        arguments_of(args),
        str(root),
        [
            (local(image), local(mask), np.flatnonzero(row).tolist())
            for (image, mask), row in zip(pairs, shown, strict=True)
        ],
        [local(path) for path in unlabeled],
        labeled,
        val,
        table,
        described,
        proposal,
    )


def find_images(args: SimpleNamespace) -> tuple[list[Pair], list[Path]]:
    """Find the images with their masks, and the images without, each once.

    Raises:
        FileNotFoundError: A folder does not exist or holds no images.
        ValueError: Images and masks cannot be told apart or matched.
    """
    parts = args.replace or ('', '')
    of_images = Mark(args.image_suffix, parts[0])
    of_masks = Mark(args.mask_suffix, parts[1])
    within = [f for f in (args.masks, *args.unlabeled) if inside(f, args.images)]
    images = find_files(args.images, without=within)
    if args.images.resolve() == args.masks.resolve():
        images, masks = tell_apart(args.images, images, of_images, of_masks)
    else:
        within = [args.images] if inside(args.images, args.masks) else []
        masks = find_files(args.masks, without=within)
    # Unlabeled images are in that folder, too: those without a mask.
    shared = any(
        folder.resolve() == args.images.resolve() or inside(args.images, folder)
        for folder in args.unlabeled
    )
    partial = bool(args.partial or args.annotations or shared)
    cure = guess(_names(args.images, images), _names(args.masks, masks))
    pairs, alone = pair_files(
        by_name(args.images, images, of_images),
        by_name(args.masks, masks, of_masks),
        partial,
        cure,
    )
    if len(pairs) < 3:
        raise ValueError(
            f'{len(pairs)} images have masks, but training and '
            f'validation need at least 3.{cure}'
        )
    for folder in args.unlabeled:
        alone += find_files(folder, without=masks)
    known = {image.resolve() for image, _ in pairs}
    unlabeled = {path.resolve(): path for path in alone}
    return pairs, [path for real, path in unlabeled.items() if real not in known]


def _names(folder: Path, files: Iterable[Path]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files]


def scan(
    args: SimpleNamespace,
    table: ClassTable,
    pairs: Sequence[Pair],
    unlabeled: Sequence[Path],
):
    """Read the contents of all images and masks.

    Raises:
        ValueError: A file cannot be read, or a mask has another size.
    """
    images, faults = run_parallel(
        partial(scan_image, channels=args.channels),
        [image for image, _ in pairs] + list(unlabeled),
        'Images',
        args.workers,
    )
    masks, more = run_parallel(
        partial(scan_mask, colored=table.colored),
        [mask for _, mask in pairs],
        'Masks ',
        args.workers,
    )
    if more and not masks and not table.colored:
        colored, _ = run_parallel(
            partial(scan_mask, colored=True),
            [mask for _, mask in pairs],
            'Colours',
            args.workers,
        )
        more = describe_colors(dict(colored)) or more
    images, masks, faults = dict(images), dict(masks), faults + more
    for image, mask in pairs:
        if image in images and mask in masks and images[image].size != masks[mask].size:
            (h, w), (mh, mw) = images[image].size, masks[mask].size
            faults.append(f'{image} is {w}x{h}, but its mask {mask} is {mw}x{mh}')
    if faults:
        raise ValueError(
            f'{len(faults)} files cannot be used. Correct or '
            f'remove them:{some_lines(faults)}'
        )
    return images, masks


def draw_annotations(args: SimpleNamespace) -> str:
    """Write the masks of ``--annotations``, and use the classes file beside them."""
    if args.image_suffix or args.mask_suffix or args.replace:
        raise ValueError(
            '--image-suffix, --mask-suffix and --replace are for existing masks; those '
            'of --annotations are named like the images.'
        )
    said = write_masks(
        args.annotations,
        args.images,
        args.masks,
        args.outside,
        args.classes,
        args.on_top == 'smaller',
        args.keep_empty,
        args.skip_unusable,
        args.force,
        args.workers,
    )
    args.classes = args.masks / CLASSES
    return said


def report(console: Console, record: Record) -> None:
    """Print what was found, and the classes that a list lacks."""
    names, images = record.table.names, record.images
    console.print(
        f'{len(record.labeled)} labeled, {len(record.unlabeled)} unlabeled, '
        f'{len(record.val)} val images; {len(names)} classes; {images.channels} '
        f'channels; crop {images.crop}.'
    )
    if not record.unlabeled:
        console.print(
            'There are no unlabeled images: the labeled ones serve as such, too.'
        )
    for name, chosen in (('labeled', record.labeled), ('val', record.val)):
        there = record.shown[chosen].any(0)
        absent = [c for i, c in enumerate(names) if not there[i]]
        if absent:
            console.print(
                f'[yellow]No image of the {name} list holds '
                f'{", ".join(absent)}. --balanced may help.'
            )
    console.print(
        f'{len(record.val)} of the {len(record.pairs)} images with masks validate, '
        f'{"balanced over the classes" if record.arguments["balanced"] else "random"} '
        f'(--val-fraction {record.arguments["val_fraction"]}, --seed '
        f'{record.arguments["seed"]}); all others with masks are labeled'
        + (
            f', of which --labeled-fraction {record.arguments["labeled_fraction"]}.'
            if record.arguments['labeled_fraction'] < 1
            else '.'
        ),
        highlight=False,
        soft_wrap=True,
    )
    if record.strong_view.settings:
        console.print(
            '\n  '.join(
                [
                    'What strong views may change (strong_view in _base_/dataset.py):',
                    *record.strong_view.reasons,
                ]
            ),
            highlight=False,
            soft_wrap=True,
        )
