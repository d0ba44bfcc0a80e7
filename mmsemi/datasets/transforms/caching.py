"""Decoded files on a fast disk."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmsemi.utils.files import replacing


def cached(
    folder: str, path: str, kind: str, make: Callable[[], np.ndarray]
) -> np.ndarray:
    """An array from a folder of such, made where it is not there yet.

    It is mapped into memory: only what is looked at is read, processes share
    it, and what is written to it stays with the process that does.  A source
    that changed is decoded again; what was made of the old one stays, unused.

    Args:
        folder (str): The cache; it may be shared, and removed at any time.
        path (str): Source file.
        kind (str): What is made of it: two kinds have an array each.
        make (Callable): Gives the array.

    Raises:
        FileNotFoundError: There is no such source.
        OSError: The cache cannot be written.
        ValueError: What it holds for this source is damaged.
    """
    source = os.stat(path)
    key = f'{os.path.abspath(path)} {source.st_mtime_ns} {source.st_size}'
    name = hashlib.blake2b(f'{kind} {key}'.encode(), digest_size=16)
    file = Path(folder, name.hexdigest()[:2], f'{name.hexdigest()}.npy')
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
            f'({error.strerror or error}). Make room, or leave out '
            '`cache_dir`.',
        ) from error
    return array
