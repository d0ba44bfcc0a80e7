"""The data folder, whole-or-nothing writes, and work on many files at once."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .progress import progress_bar
from .text import some_lines

Job = TypeVar('Job')
Result = TypeVar('Result')


def data_folder() -> Path:
    """Return the folder of all data sets: ``MMSEMI_DATA``, or ``data`` if unset.

    Raises:
        ValueError: It is an address.
    """
    folder = os.environ.get('MMSEMI_DATA') or 'data'
    if '://' in folder:
        raise ValueError(
            f'MMSEMI_DATA={folder} is an address, but has to be a folder of this '
            'machine. Give a config the address of its data as `data_root`.'
        )
    return Path(folder)


@contextmanager
def replacing(file: str | Path) -> Iterator[Path]:
    """Yield a temporary file that replaces ``file`` when the block succeeds.

    Whenever the writer is killed, a reader finds the old file or the new one,
    complete. If the block fails, the temporary file is removed.

    Args:
        file (str or Path): Its folder is created.

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
    """Write a file so that readers find all of it or none of it.

    Args:
        file (str or Path): Its folder is created; an older file is replaced.
        content (bytes): What to write.

    Raises:
        OSError: There is no room, or no permission.
    """
    try:
        with replacing(file) as part:
            part.write_bytes(content)
    except OSError as error:
        raise OSError(
            error.errno,
            f'{file} could not be written ({error.strerror}); what was there '
            'before is unchanged. Make room, or correct the access rights.',
        ) from error


def run_parallel(
    work: Callable[[Job], Result], jobs: Sequence[Job], title: str, workers: int
) -> tuple[list[tuple[Job, Result]], list[str]]:
    """Run every job in worker processes, behind a progress bar.

    A job that fails does not stop the others.

    Args:
        work (Callable): Takes a job; must be picklable.
        jobs (Sequence): The arguments of ``work``.
        title (str): Title of the progress bar.
        workers (int): Number of processes; 1 runs in this one.

    Returns:
        tuple[list, list[str]]: ``(job, result)`` of the jobs that succeeded, in
        order, and the messages of the ``OSError`` and ``ValueError`` of those
        that failed.
    """
    attempt = partial(_attempt, work)
    if workers <= 1:
        return _gather(map(attempt, jobs), jobs, title)
    with ProcessPoolExecutor(workers) as pool:
        chunk = max(1, min(64, len(jobs) // (8 * workers)))
        done = pool.map(attempt, jobs, chunksize=chunk)
        return _gather(done, jobs, title)


def raise_failures(failures: Sequence[str], doing: str) -> None:
    """Raise one error for the failed jobs of :func:`run_parallel`.

    Raises:
        ValueError: There are failures; it names the first ten.
    """
    if failures:
        raise ValueError(f'{doing}: {len(failures)} failed.{some_lines(failures, 10)}')


def _attempt(work: Callable[[Job], Any], job: Any) -> tuple[Any, str]:
    try:
        return work(job), ''
    except (OSError, ValueError) as error:
        return None, str(error)


def _gather(
    done: Iterable[tuple[Any, str]], jobs: Sequence[Job], title: str
) -> tuple[list[tuple[Job, Result]], list[str]]:
    results, failures = [], []
    pairs = zip(jobs, done, strict=True)
    with progress_bar(pairs, title, len(jobs)) as bar:
        for job, (result, failure) in bar:
            if failure:
                failures.append(failure)
            else:
                results.append((job, result))
    return results, failures
