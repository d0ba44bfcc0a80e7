"""Write lists and configs for folders of images and masks."""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from rich.console import Console

from mmsemi.datasets.fit import too_few_classes
from mmsemi.datasets.lists import list_line
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
from mmsemi.preparation.own.folds import FEW, divide, fold_folder, fold_text
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
from mmsemi.preparation.own.record import (
    FILE,
    Record,
    arguments_of,
    read_record,
    refuse_others,
    write_record,
)
from mmsemi.preparation.own.start import Start, choose_start
from mmsemi.preparation.own.strong_view import propose
from mmsemi.preparation.splits.balanced import balanced_order, shown_classes
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


def list_text(rows: Iterable[Sequence[str]]) -> str:
    """Return the text of a list of files, relative to the data root."""
    return ''.join(list_line(*row) for row in rows)


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


def init_dataset(
    args: SimpleNamespace, console: Console, defaults: dict[str, Any] | None = None
) -> None:
    """Write lists and configs of a data set.

    What an earlier call found in the same folder is used again, unless the files
    are named with ``--force``.

    Args:
        args (SimpleNamespace): The arguments of ``mmsemi init``.
        console (Console): Where to report.
        defaults (dict, optional): The values of arguments that are not given.

    Raises:
        FileExistsError: The folder holds lists of other files, or the config.
    """
    record = None if args.force and args.images else read_record(args.out)
    if record is not None:
        refuse_others(args.out, record, args, defaults or {})
    elif (args.out / 'splits').exists() and not args.force:
        raise FileExistsError(
            f'{args.out} already holds lists. Give another '
            '--out, or --force to write over them.'
        )
    start = choose_start(args.backbone, args.pretrained, console)
    name = f'{args.method}_{start.backbone}'
    config = args.out / f'{name}.py'
    if record is None:
        record = prepare(args)
        write_prepared(args.out, record)
        report(console, record)
    elif not args.force and (fold_of(args, name) if args.folds else config).exists():
        raise FileExistsError(
            f'{args.out} already holds lists, and this config. Give another --method '
            'or --backbone for another config over the same lists, or --force to '
            'write over it.'
        )
    else:
        console.print(
            f'{args.out / FILE} describes the files: they are not read again.',
            highlight=False,
        )
    if args.force or not config.exists():
        write_whole(config, config_text(config, args.method, start, record).encode())
        console.print(f'Wrote {config}. {start.why}', highlight=False, soft_wrap=True)
    configs = [config]
    if args.folds:
        configs = write_folds(args, name, record)
        console.print(
            f'Wrote {len(configs)} configs of folds, {configs[0]} to '
            f'{configs[-1].name}: each validates on other images, so that every image '
            'with a mask validates once. Train all; the mean of their scores, with its '
            'standard deviation, is the score to report.',
            highlight=False,
            soft_wrap=True,
        )
    elif len(record.val) < FEW:
        console.print(
            f'[yellow]Only {len(record.val)} images validate: a score on so few '
            'changes by several points with the choice of images, and so does the '
            'choice of the best checkpoint. With [bold]{command("init")} '
            f'--out {args.out} --method {args.method} --backbone {start.backbone} '
            '--folds 5[/] every image '
            'validates once.',
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        '\n'.join(
            ['Next:', f'  {command("check")} {configs[0]}']
            + [f'  {command("train")} {each}' for each in configs]
        ),
        highlight=False,
        soft_wrap=True,
    )


def fold_of(args: SimpleNamespace, name: str, number: int = 1) -> Path:
    """Return the config of a fold."""
    return args.out / f'{name}_fold{number}of{args.folds}.py'


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


def write_prepared(out: Path, record: Record) -> None:
    """Write the lists, the data set's config and the record."""
    pairs, learned = record.pairs, learned_images(record)
    write(
        out,
        {
            'splits/labeled.txt': list_text(pairs[i][:2] for i in record.labeled),
            'splits/unlabeled.txt': list_text([path] for path in learned),
            'splits/val.txt': list_text(pairs[i][:2] for i in record.val),
            '_base_/dataset.py': dataset_text(
                out.resolve() / '_base_',
                CONFIGS,
                f'{len(record.labeled)} labeled, {len(record.unlabeled)} unlabeled and '
                f'{len(record.val)} val images.',
                data_root_text(Path(record.root)),
                record.table,
                record.images,
                batch_size(learned),
                min(os.cpu_count() or 1, 4),
                record.strong_view,
            ),
        },
    )
    write_record(out, record)


def learned_images(
    record: Record, labeled: Sequence[int] | None = None
) -> Sequence[str]:
    """Return the unlabeled list; without such images, the labeled ones serve."""
    labeled = record.labeled if labeled is None else labeled
    learned = record.unlabeled or [record.pairs[i][0] for i in labeled]
    return learned * 2 if len(learned) < 2 else learned


def batch_size(learned: Sequence[str]) -> int:
    """Return the samples of a step for a list of unlabeled images."""
    return max(min(BATCH, len(set(learned))), 2)


def config_text(config: Path, method: str, start: Start, record: Record) -> str:
    """Return the text of a method's config."""
    learned = learned_images(record)
    counts = Counts(len(record.labeled), len(learned), batch_size(learned))
    return method_text(
        config.resolve(), CONFIGS, method, start, record.table, record.images, counts
    )


def write_folds(args: SimpleNamespace, name: str, record: Record) -> list[Path]:
    """Write the lists and the configs of folds over a method's config.

    Raises:
        ValueError: There are too many folds, or masks that are not used.
    """
    if len(record.labeled) + len(record.val) < len(record.pairs):
        raise ValueError(
            '--folds takes all images with masks, but these lists were made with '
            f'--labeled-fraction {record.arguments["labeled_fraction"]}. Give another '
            '--out, without it.'
        )
    configs = []
    out, count = args.out, args.folds
    for number, val in enumerate(divide(record.shown, count, args.seed), 1):
        held = set(val)
        labeled = [i for i in range(len(record.pairs)) if i not in held]
        config = fold_of(args, name, number)
        lists = {
            'labeled': (record.pairs[i][:2] for i in labeled),
            'unlabeled': ([path] for path in learned_images(record, labeled)),
            'val': (record.pairs[i][:2] for i in val),
        }
        files = {
            f'splits/{fold_folder(number, count)}/{each}.txt': list_text(rows)
            for each, rows in lists.items()
        }
        files[config.name] = fold_text(config, f'{name}.py', number, count, val)
        write(out, files)
        configs.append(config)
    return configs


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
            'Strong views: ' + ' '.join(record.strong_view.reasons) + ' The setting is '
            'strong_view in _base_/dataset.py.',
            highlight=False,
            soft_wrap=True,
        )
