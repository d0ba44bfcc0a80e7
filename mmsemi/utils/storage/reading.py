"""Read files on this machine, at addresses and in shards, with a cache."""

import io
import os.path as osp
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from .addresses import AT_ONCE, cache, call, is_address
from .shards import LOCAL, open_index, read_member, split_member


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file of this machine, at an address or in shards.

    Args:
        path (str or Path): What is at an address is kept in the cache.

    Raises:
        FileNotFoundError: There is no such file.
        PermissionError: Credentials are missing, or do not suffice.
        ShardError: A shard is damaged.
        StorageError: The address cannot be reached.
    """
    if is_near(path) and (member := split_member(path)):
        return read_member(*member)
    while True:
        try:
            return local_copy(path).read_bytes()
        except FileNotFoundError as error:
            # Another process may have removed a copy between the two calls.
            if not is_address(path) or error.filename is None:
                raise


def open_file(path: str | Path) -> BinaryIO:
    """Open a file to read its first bytes; raises what :func:`read_bytes` raises."""
    return io.BytesIO(read_bytes(path)) if is_address(path) else open(path, 'rb')


def local_copy(path: str | Path) -> Path:
    """Return a file of this machine: ``path``, or the copy of what is elsewhere.

    Raises:
        FileNotFoundError: There is nothing at the address.
        PermissionError: Credentials are missing, or do not suffice.
        ShardError: A shard is damaged.
        StorageError: The address cannot be reached.
    """
    if not is_address(path):
        return Path(path)
    member = split_member(path)
    fetch = (
        partial(read_member, *member)
        if member
        else partial(call, str(path), 'cat_file')
    )
    return cache().keep(identity(path), fetch)


def identity(path: str | Path) -> str:
    """Return a name for what is at an address, under which copies are kept.

    It is the address; with that, in shards, the version of their index.
    """
    member = split_member(path)
    return f'{path} {open_index(member[0]).digest}' if member else str(path)


def is_near(path: str | Path) -> bool:
    """Tell whether a path leads to this machine, into its folders or its shards."""
    return not is_address(path) or str(path).startswith(LOCAL)


def is_missing(path: str | Path) -> bool:
    """Tell whether a file is known not to exist, without a request for it.

    False at an address: there may be millions.  Shards have an index.
    """
    if member := split_member(path):
        return open_index(member[0]).find(member[1]) is None
    return not is_address(path) and not osp.isfile(path)


def exists(path: str | Path, kind: str = 'exists') -> bool:
    """Ask whether there is a file or folder, on this machine or at an address.

    Args:
        path (str or Path): The file or folder.
        kind (str): Method of :class:`fsspec.AbstractFileSystem`: 'exists',
            'isfile' or 'isdir'.
    """
    if member := split_member(path):
        return kind != 'isdir' and not is_missing('/'.join(member))
    if not is_address(path):
        return getattr(osp, kind)(path)
    return call(str(path), kind)


def warm_up(paths: Iterable[str]) -> None:
    """Fetch what is not in the cache yet, many files at a time.

    Errors are left to whoever reads the file.

    Args:
        paths (Iterable[str]): Addresses; paths of this machine are left out.
    """
    addresses = {path for path in paths if not is_near(path)}
    if addresses:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(_try_to_fetch, addresses))


def _try_to_fetch(address: str) -> None:
    with suppress(Exception):  # whoever reads the file gets it
        local_copy(address)
