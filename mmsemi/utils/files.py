"""Many files at once, each of them whole or not there."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from .text import some_lines


@contextmanager
def replacing(file: str | Path) -> Iterator[Path]:
    """A file to write beside another one, whose place it then takes.

    A reader finds the old file or the new one, whole, whenever the writer
    is killed.  What a block that fails has written is removed.

    Args:
        file (str or Path): Its folder is made.

    Yields:
        Path: ``.NAME.PID.part`` in the same folder.
    """
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f'.{file.name}.{os.getpid()}.part')
    try:
        yield part
        with part.open('rb') as content:
            os.fsync(content.fileno())
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def write_whole(file: str | Path, content: bytes) -> None:
    """Write a file, so that a reader finds it whole or not at all.

    Args:
        file (str or Path): Its folder is made; an older file is replaced.
        content (bytes): What to write.

    Raises:
        OSError: It cannot be written, for want of room or rights.
    """
    try:
        with replacing(file) as part:
            part.write_bytes(content)
    except OSError as error:
        raise OSError(
            error.errno,
            f'{file} could not be written ({error.strerror}). '
            'What was there before is untouched: make room, or see to the '
            'rights.',
        ) from error


def run_parallel(
    work: Callable[[Any], Any], jobs: Sequence[Any], title: str, workers: int
) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Do every job, in several processes, behind a progress bar.

    A job that fails does not stop the others.

    Args:
        work (Callable): Takes a job; can be pickled.
        jobs (Sequence): What ``work`` is given, one by one.
        title (str): Of the progress bar.
        workers (int): Processes; 1 stays in this one.

    Returns:
        tuple[list, list[str]]: ``(job, what work returned)`` in the order of
        the jobs, without those that failed, and a line for each of these: an
        ``OSError`` or ``ValueError`` of theirs.
    """
    attempt = partial(_attempt, work)
    if workers <= 1:
        return _gather(map(attempt, jobs), jobs, title)
    with ProcessPoolExecutor(workers) as pool:
        chunk = max(1, min(64, len(jobs) // (8 * workers)))
        done = pool.map(attempt, jobs, chunksize=chunk)
        return _gather(done, jobs, title)


def raise_failures(failures: Sequence[str], doing: str) -> None:
    """One error for the jobs of :func:`run_parallel` that failed.

    Raises:
        ValueError: There are failures; the first ten are named.
    """
    if failures:
        raise ValueError(f'{doing}: {len(failures)} failed.{some_lines(failures, 10)}')


def _attempt(work: Callable[[Any], Any], job: Any) -> tuple[Any, str]:
    try:
        return work(job), ''
    except (OSError, ValueError) as error:
        return None, str(error)


def _gather(
    done: Iterable[tuple[Any, str]], jobs: Sequence[Any], title: str
) -> tuple[list[tuple[Any, Any]], list[str]]:
    results, failures = [], []
    pairs = track(zip(jobs, done), title, total=len(jobs))
    for job, (result, failure) in pairs:
        if failure:
            failures.append(failure)
        else:
            results.append((job, result))
    return results, failures
