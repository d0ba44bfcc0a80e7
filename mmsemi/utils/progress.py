"""Progress of long jobs: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import closing
from types import TracebackType
from typing import Any

from rich import progress
from rich.text import Text

from .terminal import console, on_terminal, say

_open: list['Job'] = []
REFRESH = 0.2  # seconds between two updates of a bar
EVERY = 30.0  # seconds between two lines where there is no terminal


class _Time(progress.ProgressColumn):
    """Seconds left; those that have passed while that is unknown."""

    def render(self, task: progress.Task) -> Text:
        left = task.fields['left']
        left = task.time_remaining if left is None else left
        if left is None:
            return Text(in_words(task.elapsed or 0))
        return Text(f'{in_words(left)} left')


class _Bars(progress.Progress):
    """A bar, and below it a line of text."""

    note = ''

    def get_renderables(self) -> Iterator[Any]:
        yield from super().get_renderables()
        if self.note:
            yield Text(self.note, 'dim')


class Job:
    """Show how far a job is.

    On a terminal, a bar, which disappears when the job ends.  Elsewhere a line
    every 30 seconds, none for a job that is faster.  Nothing is drawn by a
    thread: loader workers are forked while a bar is shown, and a thread that
    draws could hold a lock at that moment.

    Args:
        title (str): What is done.
        total (float, optional): Steps of the job.  Defaults to None: unknown.
        done (int): Steps done before.  Defaults to 0.
        show (bool): Whether to show anything.  Defaults to True.
    """

    def __init__(
        self, title: str, total: float | None = None, done: int = 0, show: bool = True
    ) -> None:
        self.title, self.total, self.done = title, total, done
        self.text = ''
        self.left: float | None = None
        self._show, self._first = show, done
        self._start = self._shown = time.monotonic()
        self._bars = None
        if show and on_terminal():
            self._bars = _Bars(
                progress.TextColumn('{task.description}'),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                _Time(),
                console=console(),
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bars.add_task(
                title, total=total, completed=done, left=None
            )
            self._bars.start()
        _open.append(self)

    @property
    def took(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self._start

    def advance(self, steps: int = 1) -> None:
        """Count steps that are done."""
        self.done += steps
        now = time.monotonic()
        if self._bars is not None:
            self._bars.update(self._task, completed=self.done)
            if now - self._shown >= REFRESH:
                self._shown = now
                self._bars.refresh()
        elif self._show and now - self._shown >= EVERY:
            self.line()

    def note(self, text: str, left: float | None = None, title: str = '') -> None:
        """Set what is shown beside the progress.

        Args:
            text (str): Values, in one line.
            left (float, optional): Seconds left.  Defaults to None: estimated.
            title (str): New title.  Defaults to '': as it was.
        """
        self.title = title or self.title
        self.text, self.left = text, left
        if self._bars is not None:
            self._bars.note = text
            self._bars.update(self._task, description=self.title, left=left)

    def line(self, end: bool = False) -> None:
        """Print a line, unless there is a bar.

        Args:
            end (bool): The job has ended.  Defaults to False.
        """
        if self._bars is not None or not self._show:
            return
        self._shown = time.monotonic()
        place = f'{self.done}/{self.total:g}' if self.total else f'{self.done}'
        left = self.left
        if left is None and self.total and self.done > self._first:
            left = self.took / (self.done - self._first) * (self.total - self.done)
        when = ''
        if end:
            when = f'in {in_words(self.took)}'
        elif left is not None:
            when = f'{in_words(left)} left'
        say('  '.join(filter(None, [f'{self.title} {place}', self.text, when])))

    def close(self) -> None:
        """Remove the bar."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        self._show = False
        if self in _open:
            _open.remove(self)

    def __enter__(self) -> 'Job':
        """Return the job."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self.close()


def close_all() -> None:
    """Remove all bars: an error has ended their jobs."""
    for job in list(_open):
        job.close()


def in_words(seconds: float) -> str:
    """Write a duration as a person would: ``40 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 99.5:
        return f'{max(seconds, 0):.0f} s'
    minutes = round(seconds / 60)
    if minutes < 100:
        return f'{minutes} min'
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f'{hours} h {minutes:02} min'
    return f'{hours // 24} days {hours % 24} h'


def progress_bar(
    items: Iterable, title: str, total: float | None = None, disable: bool = False
) -> closing:
    """Show the progress of a block that iterates over some items.

    ::

        with progress_bar(jobs, 'converting') as bar:
            for job in bar:
                ...

    The block ends the display, also if an error leaves the loop.  Where there is no
    terminal, a line is left at the end.

    Args:
        items (Iterable): What to iterate over.
        title (str): What is done.
        total (float, optional): Number of items.  Defaults to their length.
        disable (bool): Show nothing.  Defaults to False.

    Returns:
        closing: Context manager; its target iterates over ``items``.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    return closing(_track(items, title.strip(), total, not disable))


def _track(
    items: Iterable, title: str, total: float | None, show: bool
) -> Iterator[Any]:
    with Job(title, total, show=show) as job:
        for item in items:
            yield item
            job.advance()
        job.line(end=True)
