"""Passes over many items: divided among processes, continued where they were killed."""

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .progress import Job

RECORD = np.dtype([('item', '<i8'), ('value', '<f8')])
END = b'all done'  # after the notes of a process that has visited its share
LOOK = 1.0  # seconds between two looks at how far the others are
PACE = 60.0  # seconds over which items per second are averaged


class Pass:
    """Items 0, 1, ... that processes, on one machine or several, visit once each.

    Item ``i`` belongs to process ``i % processes``.  Each process notes in a file
    of its own what it has finished, 16 bytes for an item; the files of all are what
    a pass that was killed continues from, on any number of processes, without a
    look at its results.  The processes need no connection but the folder.

    Args:
        folder (Path): Where the notes are, the same for all processes; it is
            created.
        mark (str): What the results follow from: network, settings, items.  Notes of
            a pass with another mark are removed, since this one overwrites its
            results.
        total (int): Number of items.
        process (int): Number of this process, from 0.  Defaults to 0.
        processes (int): Number of processes.  Defaults to 1.
        anew (bool): Visit items that were finished before, too.  Defaults to False.

    Raises:
        OSError: The folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        mark: str,
        total: int,
        process: int = 0,
        processes: int = 1,
        anew: bool = False,
    ) -> None:
        self.total, self.process, self.processes = total, process, processes
        self.folder = Path(folder)
        own = f'pass_{hashlib.sha256(mark.encode()).hexdigest()[:16]}_'
        self._pattern = f'{own}*.partial'
        self.file = self._file(process)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for file in self.folder.glob('pass_*.partial'):
                if not file.name.startswith(own):
                    file.unlink(missing_ok=True)
            with self.file.open('ab') as notes:  # without what a kill cut off, or END
                notes.truncate(0 if anew else _read(self.file).nbytes)
        except OSError as error:
            raise OSError(
                error.errno,
                f'{self.folder} could not be written to ({error.strerror}). Make '
                'room, correct the access rights, or name another folder.',
            ) from error
        done = np.zeros(total, bool)
        for notes in () if anew else self._notes():
            done[notes['item']] = True
        share = np.arange(process, total, processes)
        self.left = share[~done[share]]
        self.earlier = len(share) - len(self.left)

    def _file(self, process: int) -> Path:
        return self.folder / self._pattern.replace('*', str(process))

    def note(self, item: int, value: float = 0.0) -> None:
        """Note that an item is finished, once its result is on the disk.

        Args:
            item (int): The item.
            value (float): Its result, if that is a number.  Defaults to 0.
        """
        self._append(np.array((item, value), RECORD).tobytes())

    def end(self) -> None:
        """Note that this process has visited its share."""
        self._append(END)

    def ended(self) -> bool:
        """Tell whether all processes have visited their shares."""
        return all(_has_ended(self._file(i)) for i in range(self.processes))

    def _append(self, content: bytes) -> None:
        # Opened each time: on a network disk, others see it when it is closed.
        with self.file.open('ab') as notes:
            notes.write(content)

    def count(self) -> int:
        """Return how many items all processes have finished, from file sizes alone."""
        files = self.folder.glob(self._pattern)
        return min(sum(_size(file) // RECORD.itemsize for file in files), self.total)

    def _notes(self) -> Iterator[np.ndarray]:
        for file in self.folder.glob(self._pattern):
            notes = _read(file)
            yield notes[notes['item'] < self.total]

    def results(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the finished items in ascending order, and their values."""
        found = np.concatenate([np.empty(0, RECORD), *self._notes()])
        items, first = np.unique(found['item'], return_index=True)
        return items, found['value'][first]

    def remove(self) -> None:
        """Remove the notes of all processes: the results of the pass are written."""
        for file in self.folder.glob(self._pattern):
            file.unlink(missing_ok=True)

    @contextmanager
    def shown(self, title: str, show: bool = True) -> Iterator[Callable[[], None]]:
        """Show how far all processes are, how fast, and how long it takes yet.

        Args:
            title (str): What is done.
            show (bool): Whether to show anything.  Defaults to True.

        Yields:
            Callable: To be called after each item.
        """
        start = time.monotonic(), self.count() if show else 0
        seen = deque([start])
        with Job(title, self.total, done=start[1], show=show) as job:

            def tell() -> None:
                now = time.monotonic()
                if not show or now - seen[-1][0] < LOOK:
                    return
                seen.append((now, self.count()))
                self._tell(job, seen)

            yield tell
            if show:
                end = time.monotonic(), self.count()
                job.done = max(job.done, end[1])
                self._tell(job, deque([start, end]))
                job.line(end=True)

    def _tell(self, job: Job, seen: deque[tuple[float, int]]) -> None:
        while len(seen) > 2 and seen[-1][0] - seen[0][0] > PACE:
            seen.popleft()  # so that a pause or a skip is soon forgotten
        (start, before), (now, done) = seen[0], seen[-1]
        speed = (done - before) / max(now - start, 1e-6)
        left = (self.total - done) / speed if speed > 0 else None
        job.note(f'{speed:.3g} images/s' if speed else '', left=left)
        if done > job.done:
            job.advance(done - job.done)

    def wait(self, tell: Callable[[], None], patience: float) -> None:
        """Wait until all processes have visited their shares.

        They may be hours apart, longer than a collective operation would wait.

        Args:
            tell (Callable): Called meanwhile, about every second.
            patience (float): Seconds without a finished item after which to give up,
                as a process may have died.
        """
        pause = LOOK * max(0.25, self.processes / 8)  # spares a network disk
        count, since = self.count(), time.monotonic()
        while not self.ended() and time.monotonic() - since < patience:
            time.sleep(pause)
            tell()
            if self.count() != count:
                count, since = self.count(), time.monotonic()


def fingerprint(weights: Mapping[str, Tensor], settings: object) -> str:
    """Summarize what decides the results of a network.

    Args:
        weights (Mapping[str, Tensor]): Its state.
        settings (object): What else decides them; its ``repr`` is taken.

    Returns:
        str: 16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, tensor in weights.items():
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(name.encode() + content.numpy().tobytes())
    digest.update(repr(settings).encode())
    return digest.hexdigest()[:16]


def _read(file: Path) -> np.ndarray:
    """Read notes; one that was cut off is left out."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return np.empty(0, RECORD)
    return np.frombuffer(content, RECORD, len(content) // RECORD.itemsize)


def _has_ended(file: Path) -> bool:
    if _size(file) % RECORD.itemsize != len(END):
        return False
    with file.open('rb') as notes:
        notes.seek(-len(END), os.SEEK_END)
        return notes.read() == END


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
