"""Keep decoded files on a fast disk."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmsemi.utils.files import replacing
from mmsemi.utils.storage import identity, is_address


def cached(
    folder: str, path: str | Path, kind: str, make: Callable[[], np.ndarray]
) -> np.ndarray:
    """Return an array from a cache folder; make and store it if it is missing.

    The array is mapped into memory copy-on-write: only the pages that are read
    are loaded, processes share them, and writes stay in the process. A source
    that changed is decoded again; the array of the old version stays, unused.

    Args:
        folder (str): The cache. It may be shared, and removed at any time.
        path (str or Path): Source file, or its address.
        kind (str): What is made from it; every kind is kept separately.
        make (Callable): Makes the array.

    Returns:
        ndarray: The array that ``make`` returned, now or earlier.

    Raises:
        FileNotFoundError: There is no such source.
        OSError: The cache cannot be written.
        ValueError: The kept array is damaged.
    """
    if is_address(path):
        key = identity(path)
    else:
        source = os.stat(path)
        key = f'{os.path.abspath(path)} {source.st_mtime_ns} {source.st_size}'
    name = hashlib.blake2b(f'{kind} {key}'.encode(), digest_size=16).hexdigest()
    file = Path(folder, name[:2], f'{name}.npy')
    try:
        return np.asarray(np.load(file, mmap_mode='c'))
    except FileNotFoundError:
        array = make()
    except (EOFError, ValueError) as error:
        raise ValueError(
            f'{file}, kept by `cache_dir` for {path}, is damaged ({error}). '
            'Remove it: it is made again.'
        ) from error
    try:
        with replacing(file) as part, part.open('wb') as content:
            np.save(content, array)
    except OSError as error:
        raise OSError(
            error.errno,
            f'{file} could not be written '
            f'({error.strerror or error}). Make room, or remove `cache_dir` '
            'from the config.',
        ) from error
    return array
