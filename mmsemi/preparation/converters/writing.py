"""What every converter does with its masks."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsemi.datasets.lists import read_list
from mmsemi.utils.files import raise_failures, run_parallel
from mmsemi.utils.images import write_indices

from ..splits.table import PUBLISHED


class MaskJob(NamedTuple):
    """A mask to be made, and what its maker is given."""

    target: Path
    source: Any


def write_masks(
    make: Callable[[Any], np.ndarray], jobs: Sequence[MaskJob], title: str, workers: int
) -> int:
    """Make and write the masks that are not there yet.

    Every file is written whole or not at all, so a run that was stopped goes
    on where it was, and one file that cannot be made does not keep the
    others away.

    Args:
        make (Callable): From a job's source to (H, W) uint8.
        jobs (Sequence[MaskJob]): All masks.
        title (str): Of the progress bar.
        workers (int): Processes.

    Returns:
        int: Masks written.

    Raises:
        ValueError: Some could not be made; the first of them are named.
    """
    todo = [job for job in jobs if not job.target.is_file()]
    written, failures = run_parallel(partial(_write, make), todo, title, workers)
    print(f'{title}: {len(written)} written, {len(jobs) - len(todo)} were there.')
    raise_failures(failures, title)
    return len(written)


def _write(make: Callable[[Any], np.ndarray], job: MaskJob) -> None:
    write_indices(job.target, make(job.source))


def check_lists(dataset: str, data_root: str | Path) -> str:
    """Is every image and mask of the train and validation lists there?

    Args:
        dataset (str): A key of ``PUBLISHED``.
        data_root (str or Path): With the lists in ``splits``.

    Returns:
        str: What was found, or that there are no lists yet.

    Raises:
        FileNotFoundError: A file that a list names is missing.
    """
    data_root = Path(data_root)
    lists = [
        data_root / 'splits' / f'{name}.txt'
        for name in (PUBLISHED[dataset].train, 'val')
    ]
    lists = [file for file in lists if file.is_file()]
    if not lists:
        return (
            f'{data_root} has no lists yet: tools/data/prepare_splits.py '
            f'{dataset} --data-root {data_root} brings them.'
        )
    for file in lists:
        names = [name for entry in read_list(file) for name in entry if name]
        missing = [name for name in names if not (data_root / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} of the {len(names)} files that {file} names '
                f'are not in {data_root}, {missing[0]} for one. See '
                'docs/data.md for where they come from.'
            )
    return f'All files that {" and ".join(map(str, lists))} name are in {data_root}.'
