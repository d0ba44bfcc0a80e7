"""List the cells of a sweep."""

from collections.abc import Sequence
from pathlib import Path

from .sweep import check_cells, chosen, read_sweep


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
