"""List the cells of a sweep, and its tables."""

from collections.abc import Sequence
from pathlib import Path

from mmsemi.utils.files import write_whole

from .layout import Table
from .rows import read_csv
from .sweep import Sweep, check_cells, chosen, read_sweep
from .tables import tables

FORMATS = dict(markdown='md', csv='csv', latex='tex')


def list_cells(
    file: str | Path, work_dir: str | Path | None = None, only: Sequence[str] = ()
) -> None:
    """Print every cell with its state and the command that trains it.

    Args:
        file (str or Path): The file of the sweep.
        work_dir (str or Path, optional): Folder of the cells.
        only (Sequence[str]): Names of cells; empty for all.

    Raises:
        FileNotFoundError: A config does not exist.
        ValueError: The file is wrong, or finished cells are not what it says.
    """
    sweep = read_sweep(file, work_dir)
    cells = chosen(sweep.cells, only)
    finished = sweep.finished
    for cell in cells:
        if cell in finished:
            state = 'finished'
        elif cell.name in sweep.failed:
            state = f'failed: {sweep.failed[cell.name]}'
        else:
            state = 'begun' if cell.record else 'to do'
        print(f'# {cell.name}: {state}\n{cell.shown_command()}')
    check_cells(sweep, cells)
    print(f'# {sum(cell in finished for cell in cells)} of {len(cells)} are finished.')


def list_tables(
    file: str | Path,
    work_dir: str | Path | None = None,
    form: str = 'markdown',
    baseline: str = '',
) -> None:
    """Print the tables of what a sweep has finished.

    Args:
        file (str or Path): The file of the sweep, or its table of results (CSV).
        work_dir (str or Path, optional): Folder of the cells.
        form (str): 'markdown', 'csv' or 'latex'.
        baseline (str): Method to compare with, in place of the sweep's.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is wrong, or nothing is finished.
    """
    file = Path(file)
    if file.suffix == '.csv':
        if not file.is_file():
            raise FileNotFoundError(f'There is no table {file}.')
        rows = read_csv(file)
    else:
        sweep = read_sweep(file, work_dir)
        rows, baseline = sweep.rows, baseline or usable_baseline(sweep)
        left = len(sweep.cells) - len(sweep.finished)
        if left:
            print(f'{left} of {len(sweep.cells)} cells are not finished.\n')
    if not rows:
        raise ValueError(f'{file}: no cell is finished.')
    print(as_text(tables(rows, baseline), form))


def as_text(found: Sequence[Table], form: str) -> str:
    """Return tables in one of ``FORMATS``."""
    return '\n'.join(getattr(table, form)() for table in found)


def usable_baseline(sweep: Sweep) -> str:
    """Return the sweep's baseline if it has results, else ''."""
    done = {row.method for row in sweep.rows}
    return sweep.plan.baseline if sweep.plan.baseline in done else ''


def write_tables(sweep: Sweep) -> list[Table]:
    """Write ``tables.md``, ``.csv`` and ``.tex`` into the sweep's folder."""
    found = tables(sweep.rows, usable_baseline(sweep))
    for form, suffix in FORMATS.items() if found else ():
        text = as_text(found, form)
        write_whole(sweep.plan.work_dir / f'tables.{suffix}', text.encode())
    return found
