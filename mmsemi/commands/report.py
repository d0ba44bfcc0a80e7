"""Write a page about one training or several, side by side.

For example,

    mmsemi report work_dirs/rankmatch work_dirs/supervised -o report.html

reads the two work dirs and writes one page with curves, scores of the classes,
confusion matrices, pictures, the differences between the configs, environment,
warnings and cost.  It opens in any browser, without a network.  A training may
be running, stopped, or incomplete: the page says what is missing.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .shared import Traceback

if TYPE_CHECKING:
    from mmsemi.reporting import Comparison


def report(
    work_dirs: Annotated[
        list[Path],
        typer.Argument(
            help='work dirs of trainings; the first is compared with. The file of a '
            'sweep stands for its finished cells and their tables'
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
    from mmsemi.reporting import missing_pieces, write_report

    folders, comparison = gather(work_dirs)
    runs = write_report(folders, out, images, times, comparison)
    for each in missing_pieces(runs):
        print(f'{each["runs"]}: {each["text"]}')
    print(f'{out}: {len(runs)} run{"s" * (len(runs) > 1)}, {size(out)}')


def gather(paths: list[Path]) -> 'tuple[list[Path], Comparison]':
    """Return the work dirs of runs and of sweeps' finished cells.

    Args:
        paths (list[Path]): Work dirs, and files of sweeps.

    Returns:
        tuple[list[Path], Comparison]: The work dirs, and what the sweeps say.

    Raises:
        ValueError: No cell of a sweep is finished, or their folders are elsewhere.
    """
    from mmsemi.reporting import Comparison

    sweeps = [path for path in paths if path.suffix == '.py']
    if not sweeps:
        return paths, Comparison()
    from mmsemi.apis.sweep import read_sweep, tables

    found: list[Path] = []
    comparison = Comparison()
    for path in paths:
        if path not in sweeps:
            found.append(path)
            continue
        sweep = read_sweep(path)
        cells = [cell for cell in sweep.finished if cell.record]
        if not cells:
            raise ValueError(
                f'{path}: no finished cell has its folder in {sweep.plan.work_dir}.'
            )
        for cell in cells:
            found.append(cell.folder)
            parts = cell.method, cell.split, cell.options
            comparison.groups[cell.folder] = ', '.join(filter(None, parts))
        comparison.tables = [
            *comparison.tables,
            *tables(sweep.rows, sweep.plan.baseline),
        ]
    if len(paths) == 1:
        comparison.title = f'{paths[0].stem}: {len(found)} runs'
    return found, comparison


def size(file: Path) -> str:
    """Return the size of a file in MiB."""
    return f'{file.stat().st_size / 2**20:.1f} MiB'
