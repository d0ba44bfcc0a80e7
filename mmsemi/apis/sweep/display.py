"""Show how far a sweep is: a bar in a terminal, else plain lines."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from statistics import mean
from time import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .cells import LOG, Cell
from .layout import Table
from .rows import Row
from .sweep import Sweep


class Display:
    """Say what happens to the cells of a sweep.

    Args:
        total (int): Number of cells.
        done (int): How many are finished already.
        places (int): How many are trained at once.
    """

    def __init__(self, total: int, done: int, places: int) -> None:
        self.console = Console(soft_wrap=True, highlight=False)
        self.total, self.count, self.places = total, done, places
        self._stopping = False
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._bar = Progress(
            TextColumn('[bold]cells'),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('{task.fields[left]}'),
            TextColumn('{task.description}'),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task('', total=total, completed=done, left='')

    def __enter__(self) -> 'Display':
        self._bar.start()
        if self.count:
            self._say(f'{self.count} of {self.total} cells are finished.')
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.stop()

    def begun(self, cell: Cell) -> None:
        """Say that a cell begins, where no bar does."""
        if not self.console.is_terminal:
            self._say(f'{cell.name} begins; its log is {cell.folder / LOG}.')

    def done(self, cell: Cell, row: Row, seconds: float) -> None:
        """Say the scores of a finished cell."""
        self.count += 1
        self._seconds[cell.method].append(seconds)
        self._say(
            f'[green]✓[/] {escape(cell.name)}: {row.miou_last:.2f} (best '
            f'{row.miou_best:.2f}) in {_duration(seconds)}, {self.count} of '
            f'{self.total}'
        )

    def failed(self, cell: Cell, why: str) -> None:
        """Say why a cell failed."""
        self._say(f'[red]✗ {escape(cell.name)} failed:[/] {escape(why)}')
        self._say(f'  the whole log: {cell.folder / LOG}')

    def left(self, cell: Cell, why: str) -> None:
        """Say why a cell is left out."""
        self._say(f'[yellow]- {escape(cell.name)} is left out:[/] {escape(why)}')

    def stopping(self, running: Collection[Cell]) -> None:
        """Say, once, that the cells are about to end."""
        if not self._stopping:
            names = ', '.join(cell.name for cell in running)
            self._say(
                f'[yellow]Stopping:[/] {escape(names)} saves a checkpoint and ends; '
                'another Ctrl-C kills it.'
            )
        self._stopping = True

    def show(
        self, waiting: Sequence[Cell], running: Mapping[Cell, tuple[Any, float]]
    ) -> None:
        """Bring the bar up to date."""
        left = self._time_left(waiting, running)
        self._bar.update(
            self._task,
            completed=self.count,
            left='' if left is None else f'eta {_duration(left)}',
            description=', '.join(cell.name for cell in running),
        )

    def end(
        self,
        sweep: Sweep,
        cells: Sequence[Cell],
        stopped: bool,
        tables: Sequence[Table],
    ) -> None:
        """Say what there is in the end, and show the first table."""
        finished = sum(cell in sweep.finished for cell in cells)
        failed = [cell for cell in cells if cell.name in sweep.failed]
        text = f'{finished} of {len(cells)} cells are finished: {sweep.plan.csv}'
        if tables:
            files = sweep.plan.work_dir / 'tables.md'
            text = f'\n{tables[0].markdown()}\nAll tables: {files}, .csv, .tex\n{text}'
        if failed:
            text += f'\n{len(failed)} failed: {", ".join(cell.name for cell in failed)}'
        if stopped:
            text += '\nStopped; the same command continues the sweep.'
        self._say(escape(text))

    def _say(self, text: str) -> None:
        self.console.print(text)

    def _time_left(
        self, waiting: Sequence[Cell], running: Mapping[Cell, tuple[Any, float]]
    ) -> float | None:
        """Return the seconds that remain; None before the first cell is finished."""
        if not self._seconds:
            return None
        every = mean(mean(each) for each in self._seconds.values())

        def expected(cell: Cell) -> float:
            return mean(self._seconds.get(cell.method) or [every])

        left = sum(map(expected, waiting))
        for cell, (_, since) in running.items():
            left += max(expected(cell) - (time() - since), 0)
        return left / min(self.places, len(waiting) + len(running) or 1)


def _duration(seconds: float) -> str:
    """Return seconds as H:MM:SS."""
    return str(timedelta(seconds=round(seconds)))
