"""Fetch the published lists of a data set, or make your own.

The lists come from their authors' repositories:

- pascal, cityscapes, coco: https://github.com/LiheYoung/UniMatch (MIT)
- ade20k: https://github.com/google-research/semivl (Apache-2.0)
- ade20k_v2, cityscapes_v2 (further lists of UniMatch V2, in the folders of ade20k
  and cityscapes): https://github.com/LiheYoung/UniMatch-V2 (MIT)

by download, or from a copy of the repository on this machine (--from). The
SHA-256 of a list is compared with that of the published one where that is known,
its number of lines always. Unlabeled
lists are not needed: they are the train list minus the labeled one.

    mmsemi splits pascal
    mmsemi splits pascal --from UniMatch/
    mmsemi splits camvid --generate 0 --parts 4 8 16

--generate SEED makes lists from the train list and the masks of any data set,
nested and balanced over the classes, as splits/seedSEED_1_PART.txt.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mmsemi.preparation.splits.table import PUBLISHED

from .shared import CORES, Traceback, Workers


def splits(
    dataset: Annotated[
        str,
        typer.Argument(
            help=f'{", ".join(PUBLISHED)}; with --generate, any folder of data'
        ),
    ],
    folder: Annotated[
        str | None,
        typer.Option(
            '--from',
            metavar='DIR',
            help='a copy of the repository, or a folder of LIST.txt files',
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar='BASE',
            help="address to download from (default: the authors' repository)",
        ),
    ] = None,
    generate: Annotated[
        int | None, typer.Option(metavar='SEED', help='make lists instead of fetching')
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(
            help='folder of the data set (default: DATASET in $MMSEMI_DATA or data)'
        ),
    ] = None,
    train_list: Annotated[
        str | None,
        typer.Option(
            help='list to generate from (default: the published train list, or '
            'splits/train.txt)'
        ),
    ] = None,
    parts: Annotated[
        list[int] | None,
        typer.Option(
            metavar='N ...',
            help='with --generate: one list of 1/N of the images each '
            '(default: 16 8 4 2)',
        ),
    ] = None,
    workers: Workers = CORES,
    traceback: Traceback = False,
) -> int:
    """Fetch or make lists; return 1 if some are missing."""
    named = dict(zip(('--from', '--url'), (folder, url), strict=True))
    given = [name for name, value in named.items() if value is not None]
    given += ['--generate'] if generate is not None else []
    if len(given) > 1:
        raise typer.BadParameter(f'{given[1]}: not allowed with argument {given[0]}')
    if generate is None and dataset not in PUBLISHED:
        raise typer.BadParameter(
            f'no lists are published for {dataset!r}: choose '
            f'{", ".join(PUBLISHED)}, or make some with --generate'
        )

    from mmsemi.utils.files import data_folder

    published = PUBLISHED.get(dataset)
    name = published.root if published and published.root else dataset
    root = data_root or data_folder() / name
    if generate is None:
        return _fetch(dataset, folder, url, root)
    parts = parts or [16, 8, 4, 2]
    return _generate(dataset, root, train_list, parts, generate, workers)


def _fetch(dataset: str, folder: str | None, url: str | None, root: Path) -> int:
    """Fetch the published lists; return 1 if some are missing."""
    from rich.console import Console
    from rich.table import Table

    from mmsemi.preparation.splits.published import (
        fetch_lists,
        folder_reader,
        url_reader,
    )

    published = PUBLISHED[dataset]
    if folder:
        source, read = folder, folder_reader(folder)
    else:
        source = url or published.url
        read = url_reader(source)
    print(
        f'{dataset} lists of {published.repository} '
        f'({published.licence}), from {source}'
    )
    reports = fetch_lists(dataset, read, source, root)
    table = Table('list', 'images', 'state')
    for report in reports:
        table.add_row(report.name, str(report.lines or '-'), report.state)
    Console().print(table)
    failed = [report for report in reports if report.error]
    print(
        f'{len(reports) - len(failed)} of {len(reports)} lists are in '
        f'{root / "splits"}.'
    )
    for report in failed:
        print(f'{report.name}: {report.error}', file=sys.stderr)
    return 1 if failed else 0


def _generate(
    dataset: str,
    root: Path,
    train_list: str | None,
    parts: Sequence[int],
    seed: int,
    workers: int,
) -> int:
    """Write balanced lists and show how often they show each class."""
    from rich.console import Console
    from rich.table import Table

    from mmsemi.preparation.splits.balanced import generate_lists

    published = PUBLISHED.get(dataset)
    train = train_list or f'splits/{published.train if published else "train"}.txt'
    # ADE20K's masks number the classes from 1; 0 is no class.
    numbered_from_1 = dataset in ('ade20k', 'ade20k_v2')
    lists = generate_lists(root, train, parts, seed, numbered_from_1, workers)
    table = Table('list', 'images', 'rarest class shown by', 'classes absent')
    for name, counts in lists.items():
        images = (root / name).read_text().count('\n')
        table.add_row(
            name,
            str(images),
            f'{min(counts)} images',
            f'{counts.count(0)} of {len(counts)}',
        )
    Console().print(table)
    print(f'The lists are in {root}; name one as `labeled_list` of a config.')
    return 0
