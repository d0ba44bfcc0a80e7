"""A sweep with its cells, as far as they are finished."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from mmsemi.utils.text import some_lines

from .cells import Cell, cells_of, changes
from .plan import Plan, read_plan
from .rows import Row, read_csv, write_csv


@dataclass(frozen=True)
class Sweep:
    """A sweep.

    Attributes:
        plan (Plan): What its file says.
        cells (list[Cell]): Its cells, those first that others start from.
        rows (list[Row]): The results of the finished cells, in their order, and
            those in its table of cells that it no longer has.
        failed (dict[str, str]): What the log of each failed cell says last.
    """

    plan: Plan
    cells: list[Cell]
    rows: list[Row]
    failed: dict[str, str]

    @property
    def finished(self) -> list[Cell]:
        """The finished cells."""
        done = {row.key for row in self.rows}
        return [cell for cell in self.cells if key_of(cell) in done]


def read_sweep(file: str | Path, work_dir: str | Path | None = None) -> Sweep:
    """Read a sweep and what it has finished.

    Args:
        file (str or Path): Its file.
        work_dir (str or Path, optional): Folder of the cells, in place of the
            file's own.

    Raises:
        FileNotFoundError: It does not exist.
        ValueError: It cannot be read, or a name or value in it is wrong.
    """
    plan = read_plan(file, work_dir)
    cells = cells_of(plan)
    rows = {row.key: row for row in read_csv(plan.csv)}
    failed = {}
    for cell in cells:
        record = cell.record
        if record.get('row'):
            rows[key_of(cell)] = Row(**record['row'])
        elif record.get('failed'):
            failed[cell.name] = record['failed']
    order = [key_of(cell) for cell in cells]
    order += [key for key in rows if key not in order]
    return Sweep(plan, cells, [rows[key] for key in order if key in rows], failed)


def key_of(cell: Cell) -> tuple[str, str, str, int]:
    """Return method, split, options and seed, as of its row."""
    return cell.method, cell.split, cell.options, cell.seed


def write_rows(sweep: Sweep) -> None:
    """Bring the sweep's table up to date."""
    if sweep.rows and sweep.rows != read_csv(sweep.plan.csv):
        write_csv(sweep.rows, sweep.plan.csv)


def chosen(cells: Sequence[Cell], only: Sequence[str]) -> list[Cell]:
    """Return the cells with one of these names, and those they start from.

    Args:
        cells (Sequence[Cell]): All cells.
        only (Sequence[str]): Names, in which ``*`` stands for anything; empty
            for all cells.

    Raises:
        ValueError: No cell has one of the names.
    """
    if not only:
        return list(cells)
    wanted = []
    for pattern in only:
        found = [cell for cell in cells if fnmatch(cell.name, pattern)]
        if not found:
            names = some_lines(cell.name for cell in cells)
            raise ValueError(f'No cell is named {pattern}. There are:{names}')
        wanted += found
    for cell in list(wanted):
        while cell.start:
            cell = cell.start
            wanted.append(cell)
    return [cell for cell in cells if cell in wanted]


def check_cells(sweep: Sweep, cells: Sequence[Cell], keep: bool = False) -> None:
    """Check configs, and that what was trained before is what the sweep says now.

    Args:
        sweep (Sweep): The sweep.
        cells (Sequence[Cell]): Those of its cells to check.
        keep (bool): Allow what was trained with other settings.

    Raises:
        ValueError: It is not; the message says what changed.
        FileNotFoundError: There is no such config.
    """
    rows = {row.key: row for row in sweep.rows}
    found = []
    for cell in cells:
        now, record = cell.resolved(), cell.record
        row = rows.get(key_of(cell))
        if not row and not cell.has_checkpoint():
            continue  # it begins anew
        said = (record or {}).get('settings', row and row.settings)
        differing = []
        if said is not None and said != cell.said:
            differing.append(f'settings: {said or "none"}, now {cell.said}')
        if row and not record and row.config != cell.config:
            differing.append(f'config: {row.config}, now {cell.config}')
        if record and not differing:
            differing = changes(record['resolved'], now)
        if differing:
            where = cell.folder if record else f'its row in {sweep.plan.csv}'
            found.append(f'{cell.name}: {"; ".join(differing[:4])} ({where})')
    if found and not keep:
        raise ValueError(
            f'{len(found)} cells were trained with other settings than '
            f'{sweep.plan.file} has now.{some_lines(found)}\nGive what is new a name '
            'of its own (a method, a split, options), or another work_dir; remove '
            'what is named in brackets to train it again; or keep what was trained '
            'with --keep.'
        )
