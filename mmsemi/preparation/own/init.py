"""Write lists and configs for folders of images and masks."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from mmsemi.datasets.lists import list_line
from mmsemi.utils.files import data_folder, write_whole
from mmsemi.utils.invocation import command
from mmsemi.utils.shipped import CONFIGS

from .dataset_config import dataset_text
from .folds import FEW, divide, fold_folder, fold_name, fold_text, sweep_text
from .method_config import Counts, method_text
from .reading import prepare, report
from .record import FILE, Record, read_record, refuse_others, write_record
from .start import Start, choose_start

BATCH = 8


def data_root_text(root: Path, folder: Path) -> str:
    """Return the data root as Python text.

    Args:
        root (Path): The data root, absolute.
        folder (Path): Where the config will lie, absolute.

    Returns:
        str: A path from ``MMSEMI_DATA`` if the root is below it; from the config if
        that is below the root, so that both may be moved; else the path.
    """
    data = data_folder().resolve()
    if root == data or data in root.parents:
        local = root.relative_to(data).as_posix()
        return repr('{{$MMSEMI_DATA:data}}/' + local)
    if root.parent != root and root in folder.parents:
        up = Path(os.path.relpath(root, folder)).as_posix()
        return repr('{{ fileDirname }}/' + up)
    return repr(str(root))


def list_text(rows: Iterable[Sequence[str]]) -> str:
    """Return the text of a list of files, relative to the data root."""
    return ''.join(list_line(*row) for row in rows)


def write(out: Path, files: dict) -> None:
    """Write files, whole or not at all, into a folder."""
    for name, text in files.items():
        write_whole(out / name, text.encode())


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
    made = args.out / fold_name(name, 1, args.folds) if args.folds else config
    if record is None:
        record = prepare(args)
        write_prepared(args.out, record)
        report(console, record)
    elif not args.force and made.exists():
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
        console.print(
            f'Wrote {config}. {start.why}',
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    configs, trained = [config], f'{command("train")} {config}'
    if args.folds:
        configs = write_folds(args, name, record)
        sweep = write_sweep(args)
        trained = f'{command("sweep")} {sweep}'
        console.print(
            f'Wrote {len(configs)} configs of folds, {configs[0]} to '
            f'{configs[-1].name}: each validates on other images, so that every image '
            f'with a mask validates once. {sweep} trains them all, and gives mean and '
            'standard deviation of their scores.',
            highlight=False,
            soft_wrap=True,
        )
    elif len(record.val) < FEW:
        console.print(
            f'[yellow]Only {len(record.val)} images validate: a score on so few '
            'changes by several points with the choice of images, and so does the '
            f'choice of the best checkpoint. With [bold]{command("init")} '
            f'--out {args.out} --method {args.method} --backbone {start.backbone} '
            f'--folds {min(5, len(record.pairs))}[/] every image validates once.',
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f'Next:\n  {command("check")} {configs[0]}\n  {trained}',
        highlight=False,
        soft_wrap=True,
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
                data_root_text(Path(record.root), out.resolve() / '_base_'),
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
    for number, val in enumerate(
        divide(record.shown, count, record.arguments['seed']), 1
    ):
        held = set(val)
        labeled = [i for i in range(len(record.pairs)) if i not in held]
        config = args.out / fold_name(name, number, count)
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


def write_sweep(args: SimpleNamespace) -> Path:
    """Write a sweep over as many folds of all methods that have them; its file."""
    file = args.out / f'folds_{args.folds}.py'
    ending = fold_name('', 1, args.folds)
    names = sorted(
        each.name.removesuffix(ending) for each in args.out.glob(f'*{ending}')
    )
    write(args.out, {file.name: sweep_text(file, names, args.folds)})
    return file
