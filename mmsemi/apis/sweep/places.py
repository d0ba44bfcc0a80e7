"""Train the cells of a sweep in processes of this machine."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext

from .cells import LOG, Cell, python_command

ELSEWHERE = -1000  # exit status: another process is training the cell


def start(cell: Cell, env: dict[str, str]) -> subprocess.Popen | None:
    """Train a cell in a process of its own; None if another one is at it.

    Signals from the terminal do not reach the process.  It holds the cell's lock
    until it ends, even if this process is killed.

    Args:
        cell (Cell): What to train.
        env (dict[str, str]): Added to the environment.
    """
    with cell.locked() as lock:
        if lock is None:
            return None
        with (cell.folder / LOG).open('ab') as log:
            return subprocess.Popen(
                python_command(cell.command()),
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )


class LocalRun:
    """A cell that a process of this machine trains.

    Args:
        process (Popen, optional): None if another process is training it.
        place (str): Which of the :class:`LocalPlaces` it has.
    """

    def __init__(self, process: subprocess.Popen | None, place: str) -> None:
        self.process = process
        self.place = place

    def poll(self) -> int | None:
        """Return the exit status, None while it trains."""
        return self.process.poll() if self.process else ELSEWHERE

    def stop(self) -> None:
        """Let it save a checkpoint and end."""
        if self.process:
            self.process.terminate()

    def kill(self) -> None:
        """End it and its workers at once."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


class LocalPlaces:
    """Train cells on this machine, one in each place.

    Args:
        jobs (int): How many at once.
        gpus (Sequence[str]): GPUs, as in ``CUDA_VISIBLE_DEVICES``: one for each
            cell.  Defaults to (): the cells see those that this process sees.
        threads (int, optional): CPU threads of each.  Defaults to its share of
            the cores, unless ``OMP_NUM_THREADS`` is set.

    Raises:
        ValueError: A number is below 1, or there are not as many GPUs as jobs.
    """

    poll = 0.2  # seconds between two looks
    together = staticmethod(nullcontext)  # nothing to do for several cells at once

    def __init__(
        self,
        jobs: int | None = None,
        gpus: Sequence[str] = (),
        threads: int | None = None,
    ) -> None:
        for name, value in dict(jobs=jobs, threads=threads).items():
            if value is not None and value < 1:
                raise ValueError(f'{name}={value} is not at least 1.')
        if len(set(gpus)) < len(gpus):
            raise ValueError(f'gpus={",".join(gpus)} names one twice.')
        if gpus and jobs not in (None, len(gpus)):
            raise ValueError(
                f'jobs={jobs}, but gpus={",".join(gpus)}: each GPU trains one cell.'
            )
        self.free = [*gpus] or [''] * (jobs or 1)
        self.count = len(self.free)
        self._gpus = bool(gpus)
        if threads is None and self.count > 1 and 'OMP_NUM_THREADS' not in os.environ:
            threads = max((os.cpu_count() or 1) // self.count, 1)
        self._env = {'OMP_NUM_THREADS': str(threads)} if threads else {}

    def begin(self, cell: Cell) -> LocalRun:
        """Train a cell in a free place."""
        place = self.free[0]
        env = {'CUDA_VISIBLE_DEVICES': place} if self._gpus else {}
        run = LocalRun(start(cell, {**self._env, **env}), place)
        self.free.remove(place)
        return run

    def end(self, run: LocalRun) -> None:
        """Free the place of a run that has ended."""
        self.free.append(run.place)


def parse_gpus(text: str) -> list[str]:
    """Parse ``0,1``."""
    return [each.strip() for each in text.split(',') if each.strip()]
