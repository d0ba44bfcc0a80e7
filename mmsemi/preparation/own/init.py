"""Write lists and configs for folders of images and masks."""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from rich.console import Console

from mmsemi.datasets.fit import too_few_classes
from mmsemi.datasets.lists import list_line
from mmsemi.preparation.methods import BACKBONES
from mmsemi.preparation.own.annotated import CLASSES, write_masks
from mmsemi.preparation.own.classes import ClassTable, read_classes
from mmsemi.preparation.own.dataset_config import dataset_text, describe_images
from mmsemi.preparation.own.folders import (
    deal,
    describe_colors,
    scan_image,
    scan_mask,
    settle_codes,
)
from mmsemi.preparation.own.method_config import Counts, method_text
from mmsemi.preparation.own.naming import (
    Mark,
    Pair,
    by_name,
    find_files,
    guess,
    inside,
    pair_files,
    tell_apart,
)
from mmsemi.preparation.splits.balanced import balanced_order, shown_classes
from mmsemi.utils.checkpoint import find_weights
from mmsemi.utils.files import data_folder, run_parallel, write_whole
from mmsemi.utils.invocation import command
from mmsemi.utils.shipped import CONFIGS
from mmsemi.utils.text import some_lines

BATCH = 8


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


def data_root_text(root: Path) -> str:
    """Return the data root as Python text, below ``MMSEMI_DATA`` if it is there."""
    data = data_folder().resolve()
    if root == data or data in root.parents:
        local = root.relative_to(data).as_posix()
        return repr('{{$MMSEMI_DATA:data}}/' + local)
    return repr(str(root))


def list_text(root: Path, rows: Iterable[Sequence[Path]]) -> str:
    """Return the text of a list of files, with paths relative to the root."""
    return ''.join(
        list_line(*(os.path.relpath(os.path.abspath(p), root) for p in row))
        for row in rows
    )


def find_pretrained(args: SimpleNamespace, console: Console) -> str | None:
    """Return the pretrained weights to start from, or None.

    Raises:
        FileNotFoundError: There is no such file as the user named.
    """
    name = args.pretrained or BACKBONES[args.backbone]
    if name is None or name == 'none':
        return None
    if '://' in name or os.path.isfile(find_weights(name)):
        return name
    if args.pretrained:
        raise FileNotFoundError(f'There is no file {name} of weights.')
    if args.backbone.startswith('dinov2'):  # nothing without its weights
        console.print(
            f'[yellow]There is no {name} (Apache 2.0, by Meta): put it there or below '
            'MMSEMI_DATA before training, whose error names the address, or name '
            'another file with --pretrained.'
        )
        return name
    console.print(
        f'[yellow]There is no {name}: the config starts from random weights, '
        'which costs accuracy. Put the file there (or below MMSEMI_DATA) and '
        'run this again, or name another one with --pretrained.'
    )
    return None


def write(out: Path, files: dict) -> None:
    """Write files, whole or not at all, into a folder."""
    for name, text in files.items():
        write_whole(out / name, text.encode())


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


def init_dataset(args: SimpleNamespace, console: Console) -> None:
    """Write lists and config of a data set.

    Args:
        args (SimpleNamespace): The arguments of ``mmsemi init``.
        console (Console): Where to report.
    """
    config = args.out / f'{args.method}_{args.backbone}.py'
    if (args.out / 'splits').exists() and not args.force:
        raise FileExistsError(
            f'{args.out} already holds lists. Give another '
            '--out, or --force to write over them.'
        )
    if args.annotations:
        print(draw_annotations(args))
    table = read_classes(args.classes)
    pairs, unlabeled = find_images(args)
    image_scans, mask_scans = scan(args, table, pairs, unlabeled)
    table = settle_codes(table, mask_scans)
    described = describe_images(list(image_scans.values()))

    shown = shown_classes([table.labels(mask_scans[mask].pixels) for _, mask in pairs])
    if shown.any(0).sum() < 2:
        raise ValueError(too_few_classes(np.flatnonzero(shown.any(0)), table.names))
    order = (
        balanced_order(shown, len(pairs), args.seed)
        if args.balanced
        else np.random.RandomState(args.seed).permutation(len(pairs))
    )
    labeled, rest, val = deal(order, args.val_fraction, args.labeled_fraction)
    unlabeled += [pairs[i][0] for i in rest]
    # Without unlabeled images, the labeled ones are used as such, too.
    learned = unlabeled or [pairs[i][0] for i in labeled]
    batch = max(min(BATCH, len(learned)), 2)
    if len(learned) < 2:
        learned = learned * 2

    root = Path(
        os.path.commonpath(
            [
                os.path.abspath(folder)
                for folder in (args.images, args.masks, *args.unlabeled)
            ]
        )
    )
    pretrained = find_pretrained(args, console)
    write(
        args.out,
        {
            'splits/labeled.txt': list_text(root, (pairs[i] for i in labeled)),
            'splits/unlabeled.txt': list_text(root, ([path] for path in learned)),
            'splits/val.txt': list_text(root, (pairs[i] for i in val)),
            '_base_/dataset.py': dataset_text(
                config.resolve().parent / '_base_',
                CONFIGS,
                f'{len(labeled)} labeled, {len(unlabeled)} unlabeled and '
                f'{len(val)} val images.',
                data_root_text(root),
                table,
                described,
                batch,
                min(os.cpu_count() or 1, 4),
            ),
            config.name: method_text(
                config.resolve(),
                CONFIGS,
                args.method,
                args.backbone,
                pretrained,
                table,
                described,
                Counts(len(labeled), len(learned), batch),
            ),
        },
    )
    report(console, table, shown, labeled, val, len(unlabeled), described)
    console.print(
        f'Wrote {args.out}. Next:\n'
        f'  {command("check")} {config}\n'
        f'  {command("train")} {config}',
        highlight=False,
    )


def report(
    console: Console,
    table: ClassTable,
    shown: np.ndarray,
    labeled: Sequence[int],
    val: Sequence[int],
    unlabeled: int,
    described,
) -> None:
    """Print what was found, and the classes that a list lacks."""
    console.print(
        f'{len(labeled)} labeled, {unlabeled} unlabeled, {len(val)} val '
        f'images; {len(table.names)} classes; {described.channels} channels; '
        f'crop {described.crop}.'
    )
    if not unlabeled:
        console.print(
            'There are no unlabeled images: the labeled ones serve as such, too.'
        )
    for name, chosen in (('labeled', labeled), ('val', val)):
        there = shown[chosen].any(0)
        absent = [c for i, c in enumerate(table.names) if not there[i]]
        if absent:
            console.print(
                f'[yellow]No image of the {name} list holds '
                f'{", ".join(absent)}. --balanced may help.'
            )
