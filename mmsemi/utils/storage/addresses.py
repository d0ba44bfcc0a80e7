"""Addresses that fsspec knows: reach them, with retries."""

import os
import random
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import pooch

from ..extras import missing_extra
from .cache import FileCache

Result = TypeVar('Result')

CACHE, CACHE_GB = 'MMSEMI_CACHE', 'MMSEMI_CACHE_GB'
ATTEMPTS = 'MMSEMI_STORAGE_ATTEMPTS'
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds; a pause is twice the last one
AT_ONCE = 16  # files that are fetched at a time
PACKAGES = dict(gcs='gcsfs', gs='gcsfs', hf='huggingface_hub', s3='s3fs', s3a='s3fs')
# Errors that another attempt does not change.
FINAL = (
    FileExistsError,
    FileNotFoundError,
    ImportError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    TypeError,
    ValueError,
)
DENIED = (
    'CredentialRetrievalError',
    'DefaultCredentialsError',
    'NoCredentialsError',
    'PartialCredentialsError',
    'PermissionError',
    'ProfileNotFound',
    'TokenRetrievalError',
)  # by name, since their packages are optional


class StorageError(OSError):
    """An address that cannot be reached."""


def is_address(path: str | Path) -> bool:
    """Return whether a path is an address, as ``s3://bucket/1.png`` is."""
    return '://' in str(path)


def join_address(root: str, name: str) -> str:
    """Return the address of a file below another one.

    Args:
        root (str): An address.
        name (str): A path relative to it, with ``/``; may hold ``.`` and ``..``.

    Raises:
        ValueError: The name leads out of the root.
    """
    parts: list[str] = []
    for part in name.split('/'):
        if part == '..':
            if not parts:
                raise ValueError(f'{name} leads out of {root}.')
            parts.pop()
        elif part not in ('', '.'):
            parts.append(part)
    return f'{root.rstrip("/")}/{"/".join(parts)}'


def call(address: str, method: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method of the address's file system, again if it cannot be reached.

    Args:
        address (str): First argument of the method.
        method (str): Of :class:`fsspec.AbstractFileSystem`.
        *args: Its other arguments.
        **kwargs: Likewise.

    Returns:
        What the method returns.

    Raises:
        OSError, ImportError, ValueError: As :func:`attempt`.
    """
    return attempt(
        address, lambda system, path: getattr(system, method)(path, *args, **kwargs)
    )


def attempt(
    address: str, work: Callable[[fsspec.AbstractFileSystem, str], Result]
) -> Result:
    """Do something at an address, again if it cannot be reached.

    Args:
        address (str): The address.
        work (Callable): Takes its file system, and what that calls the address.

    Returns:
        What ``work`` returns.

    Raises:
        FileNotFoundError: There is nothing at the address.
        ImportError: The protocol needs a package that is not installed.
        PermissionError: Credentials are missing, or do not suffice.
        StorageError: The address cannot be reached.
        ValueError: The protocol is unknown, or the number of attempts is none.
    """
    attempts = _attempts()
    started = time.monotonic()
    for number in range(attempts):
        try:
            system, path = _system(address)
            return work(system, path)
        except FINAL as error:
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(f'There is nothing at {address}.') from error
            raise
        except Exception as error:  # every protocol raises errors of its own
            if type(error).__name__ in DENIED:
                raise PermissionError(
                    f'{address} refuses access ({type(error).__name__}: {error}). '
                    'Set the credentials of its protocol, as in docs/storage.md.'
                ) from error
            cause = error
        if number + 1 < attempts:
            pause = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
            time.sleep(pause * random.SystemRandom().uniform(0.5, 1))
    raise StorageError(
        f'{address} could not be reached: {attempts} attempts in '
        f'{time.monotonic() - started:.0f} s ended with {type(cause).__name__} '
        f'({cause}). Once it can be, `--resume` continues the training. '
        f'{ATTEMPTS} sets the number of attempts.'
    ) from cause


def upload(file: Path, address: str) -> None:
    """Write a file of this machine to an address; an object store has all or none.

    Raises:
        OSError: As :func:`attempt`.
    """
    attempt(address, lambda system, path: system.put_file(str(file), path))


def _attempts() -> int:
    text = os.environ.get(ATTEMPTS) or '7'
    if not text.isdecimal() or not int(text):
        raise ValueError(f'{ATTEMPTS}={text} is not a number of attempts: 1 or more.')
    return int(text)


def _system(address: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system of an address, and what it calls the address."""
    try:
        return fsspec.url_to_fs(address)
    except ImportError as error:
        package = PACKAGES.get(address.partition('://')[0])
        if package is None:
            raise ImportError(f'{address}: {error}.') from error
        raise missing_extra(package, address) from error


@lru_cache
def _cache_of(folder: str, gigabytes: str) -> FileCache:
    try:
        limit = float(gigabytes) * 1e9
    except ValueError:
        limit = -1
    if not limit >= 0:
        raise ValueError(f'{CACHE_GB}={gigabytes} is no size in GB: 0 or more.')
    return FileCache(Path(folder), limit)


def cache() -> FileCache:
    """Return the cache that ``MMSEMI_CACHE`` names, of ``MMSEMI_CACHE_GB`` or 20 GB.

    Raises:
        ValueError: The size is no number, or negative.
    """
    folder = os.environ.get(CACHE) or str(pooch.os_cache('mmsemi'))
    return _cache_of(folder, os.environ.get(CACHE_GB) or '20')
