"""Run the cells of a sweep that are not finished."""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .cells import Cell
from .display import Display
from .listing import write_tables
from .places import ELSEWHERE, LocalPlaces
from .rows import Row, row_of
from .sweep import Sweep, check_cells, chosen, key_of, read_sweep, write_rows


def run_sweep(
    file: str | Path,
    work_dir: str | Path | None = None,
    *,
    places: Any = None,
    only: Sequence[str] = (),
    keep: bool = False,
) -> Sweep:
    """Train the cells of a sweep that are not finished, each in a process.

    A cell whose training fails is left out, with those that start from it; an
    interrupted one resumes.  SIGINT and SIGTERM let the cells save a checkpoint
    and end; a second one kills them.

    ::

        sweep = run_sweep('results/scenes.py', places=LocalPlaces(jobs=2))
        for table in tables(sweep.rows, baseline='Supervised'):
            print(table.markdown())

    Args:
        file (str or Path): The file of the sweep.
        work_dir (str or Path, optional): Folder of the cells, in place of the
            file's own.
        places (LocalPlaces or SlurmPlaces, optional): Where to train.  Defaults
            to one cell after another on this machine.
        only (Sequence[str]): Names of cells, in which ``*`` stands for anything;
            the cells that they start from are trained, too.  Defaults to all.
        keep (bool): Keep cells that were trained with other settings than the
            file has now, in place of an error.

    Returns:
        Sweep: What is finished, and what failed.

    Raises:
        FileNotFoundError: A config does not exist.
        ValueError: The file is wrong, or finished cells are not what it says.
        KeyboardInterrupt: There was a signal; the cells have ended.
    """
    sweep = read_sweep(file, work_dir)
    cells = chosen(sweep.cells, only)
    check_cells(sweep, cells, keep)
    places = places or LocalPlaces()
    finished = {cell.name for cell in sweep.finished}
    needed = _needed(cells, finished)
    with Display(len(cells), len(cells) - len(needed), places.count) as display:
        runner = _Runner(sweep, needed, places, display)
        with _stopping(runner):
            runner.run()
        stopped = runner.stopped
        sweep = read_sweep(file, work_dir)
        write_rows(sweep)
        display.end(sweep, cells, stopped, write_tables(sweep))
    if stopped:
        raise KeyboardInterrupt
    return sweep


def _needed(cells: Sequence[Cell], finished: set[str]) -> list[Cell]:
    """Return the cells to train: unfinished ones, and lost ones to start from."""
    todo = [cell for cell in cells if cell.name not in finished]
    for cell in list(todo):
        start = cell.start
        lost = start and not any(start.folder.rglob('last_checkpoint'))
        if lost and start not in todo and not cell.record:
            todo.append(start)
    return [cell for cell in cells if cell in todo]


class _Runner:
    """Begin cells, wait for them and note how they ended."""

    def __init__(
        self, sweep: Sweep, cells: Sequence[Cell], places: Any, display: Display
    ) -> None:
        self.sweep, self.places, self.display = sweep, places, display
        self.waiting = list(cells)
        self.running: dict[Cell, tuple[Any, float]] = {}
        self.lost: dict[str, str] = {}  # by name, why it has no result
        self.stopped = 0

    def run(self) -> None:
        """Train all cells, or those that have begun when a signal comes."""
        while self.running or (self.waiting and not self.stopped):
            if self.stopped:
                self.display.stopping(self.running)
            else:
                with self.places.together():
                    self._begin()
            for cell, (run, since) in list(self.running.items()):
                status = run.poll()
                if status is not None:
                    del self.running[cell]
                    self.places.end(run)
                    self._end(cell, status, time.time() - since)
            self.display.show(self.waiting, self.running)
            if self.running:
                time.sleep(self.places.poll)

    def stop(self, *signal_and_frame: Any) -> None:
        """Let the cells save and end; the second time, kill them."""
        self.stopped += 1
        for run, _ in list(self.running.values()):
            run.stop() if self.stopped == 1 else run.kill()

    def _begin(self) -> None:
        """Begin the next cells that can, where there is a place."""
        for cell in list(self.waiting):
            if self.stopped or not self.places.free:
                return
            start = cell.start
            if start and start.name in self.lost:
                self.waiting.remove(cell)
                self.lost[cell.name] = f'it starts from {start.name}'
                self.display.left(cell, self.lost[cell.name])
            elif not start or (start not in self.waiting and start not in self.running):
                self.waiting.remove(cell)
                self._note_begin(cell)
                try:
                    run = self.places.begin(cell)
                except FileNotFoundError as error:  # no checkpoint to start from
                    self._fail(cell, str(error))
                    continue
                self.running[cell] = run, time.time()
                self.display.begun(cell)

    @staticmethod
    def _note_begin(cell: Cell) -> None:
        cell.note(
            name=cell.name,
            config=cell.config,
            settings=cell.said,
            resolved=cell.resolved(),
            failed=None,
        )

    def _end(self, cell: Cell, status: int, seconds: float) -> None:
        """Note the result of a cell, or why there is none."""
        if status == ELSEWHERE:
            self.lost[cell.name] = 'another process is training it'
            self.display.left(cell, self.lost[cell.name])
        elif status == 0:
            try:
                row = row_of(cell)
            except ValueError as error:
                self._fail(cell, str(error))
                return
            seconds += cell.record.get('seconds', 0)
            cell.note(row=asdict(row), seconds=seconds)
            self._add(row)
            self.display.done(cell, row, seconds)
        elif self.stopped:
            cell.note(seconds=cell.record.get('seconds', 0) + seconds)
            self.lost[cell.name] = 'interrupted'
        else:
            self._fail(cell, cell.last_line())

    def _fail(self, cell: Cell, why: str) -> None:
        cell.note(failed=why)
        self.lost[cell.name] = why
        self.display.failed(cell, why)

    def _add(self, row: Row) -> None:
        """Add a row to the sweep's table at once."""
        rows = [each for each in self.sweep.rows if each.key != row.key]
        order = [key_of(cell) for cell in self.sweep.cells]
        rows = sorted(
            [*rows, row],
            key=lambda r: order.index(r.key) if r.key in order else len(order),
        )
        self.sweep = replace(self.sweep, rows=rows)
        write_rows(self.sweep)


@contextmanager
def _stopping(runner: _Runner) -> Iterator[None]:
    """Let signals stop the cells, and end them if there is an error."""
    former = {}
    if threading.current_thread() is threading.main_thread():
        for each in (signal.SIGINT, signal.SIGTERM):
            former[each] = signal.signal(each, runner.stop)
    try:
        yield
    except BaseException:
        runner.stop()
        raise
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
