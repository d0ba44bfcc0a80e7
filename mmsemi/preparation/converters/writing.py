"""Helpers of the converters: find sources, write masks, check the result."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsemi.datasets.lists import read_list
from mmsemi.utils.files import raise_failures, run_parallel
from mmsemi.utils.images import image_size, write_indices
from mmsemi.utils.invocation import command

from ..splits.table import PUBLISHED


class MaskJob(NamedTuple):
    """A mask to write, and what it is made from."""

    target: Path
    source: Any


def find_sources(folder: Path, patterns: Sequence[str], cure: str) -> list[Path]:
    """Find the files that match one of the patterns, in a fixed order.

    Raises:
        FileNotFoundError: There are none; the message ends with ``cure``.
    """
    files = [file for pattern in patterns for file in sorted(folder.glob(pattern))]
    if not files:
        raise FileNotFoundError(f'There is no {patterns[0]} in {folder}. {cure}')
    return files


def check_size(file: Path, mask: np.ndarray, image: Path) -> None:
    """Check that a mask (H, W) is as large as its image.

    Raises:
        FileNotFoundError: There is no such image.
        ValueError: The sizes differ.
    """
    size = image_size(image)
    if mask.shape != size:
        raise ValueError(
            f'{file} is {mask.shape}, but {image} is {size} (height, width). '
            'Unpack both again.'
        )


def write_masks(
    make: Callable[[Any], np.ndarray], jobs: Sequence[MaskJob], title: str, workers: int
) -> int:
    """Make and write the masks that do not exist yet.

    Every file is written whole or not at all, so an interrupted run can be
    repeated, and a mask that cannot be made does not stop the others.

    Args:
        make (Callable): Makes a mask (H, W) uint8 from the source of a job.
        jobs (Sequence[MaskJob]): All masks.
        title (str): Title of the progress bar.
        workers (int): Number of processes.

    Returns:
        int: Number of masks written.

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
    """Check that every image and mask of the train and validation lists exists.

    Args:
        dataset (str): A key of ``PUBLISHED``.
        data_root (str or Path): Holds the lists in ``splits``.

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
            f'{data_root} has no lists yet; `{command("splits")} {dataset} '
            f'--data-root {data_root}` fetches them.'
        )
    for file in lists:
        names = [name for entry in read_list(file) for name in entry if name]
        missing = [name for name in names if not (data_root / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} of the {len(names)} files that {file} names '
                f'are not in {data_root}, for example {missing[0]}. docs/data.md '
                'says where they come from.'
            )
    return f'All files that {" and ".join(map(str, lists))} name are in {data_root}.'
