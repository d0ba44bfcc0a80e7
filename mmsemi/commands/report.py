"""Write a page about one training or several, side by side.

For example,

    mmsemi report work_dirs/rankmatch work_dirs/supervised -o report.html

reads the two work dirs and writes one page with curves, scores of the classes,
confusion matrices, pictures, the differences between the configs, environment,
warnings and cost.  It opens in any browser, without a network.  A training may
be running, stopped, or incomplete: the page says what is missing.
"""

from pathlib import Path
from typing import Annotated

import typer

from .shared import Traceback


def report(
    work_dirs: Annotated[
        list[Path],
        typer.Argument(
            help='work dirs of trainings; the first is compared with. The file of a '
            'sweep stands for its finished cells'
        ),
    ],
    out: Annotated[Path, typer.Option('--out', '-o', help='the page')] = Path(
        'report.html'
    ),
    images: Annotated[
        int, typer.Option(help='pictures of each kind and run', min=0)
    ] = 4,
    times: Annotated[
        int, typer.Option(help='times of each picture, evenly spread', min=1)
    ] = 8,
    traceback: Traceback = False,
) -> None:
    """Write a page about one training or several."""
    from mmsemi.reporting import write_report

    folders = [folder for path in work_dirs for folder in folders_of(path)]
    runs = write_report(folders, out, images, times)
    for run in runs:
        for text in run.missing:
            print(f'{run.name}: {text}')
    print(f'{out}: {len(runs)} run{"s" * (len(runs) > 1)}, {size(out)}')


def folders_of(path: Path) -> list[Path]:
    """Return the folders of a sweep's finished cells; of a work dir, itself.

    Raises:
        ValueError: No cell is finished, or their folders are elsewhere.
    """
    if path.suffix != '.py':
        return [path]
    from mmsemi.apis import read_sweep

    sweep = read_sweep(path)
    found = [cell.folder for cell in sweep.finished if cell.record]
    if not found:
        raise ValueError(
            f'{path}: no finished cell has its folder in {sweep.plan.work_dir}.'
        )
    return found


def size(file: Path) -> str:
    """Return the size of a file in MiB."""
    return f'{file.stat().st_size / 2**20:.1f} MiB'
