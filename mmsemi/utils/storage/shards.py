"""Files in tar shards, found by an index: random access to what lies in a few files.

The shards are those of `WebDataset <https://github.com/webdataset/webdataset>`_:
tar files.  ``index.shards`` beside them says where each file lies, so that it is
read alone, by one read of a range of bytes.  The index takes the place of the
folder: ``data/pascal/index.shards/images/1.jpg`` is a file in it.

The index is 64 bytes (name, version, digest of the rest, length of what follows),
a JSON object with the shards and their sizes, and four columns that are sorted by
the first: hash of the name, place in all shards one after another, size, CRC-32;
24 bytes for a file.  It is mapped into memory, which all processes of a machine
share.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..files import replacing
from ..text import some
from .addresses import AT_ONCE, cache, call, is_address

INDEX = 'index.shards'
LOCAL = 'shards://'  # before the path of an index of this machine
MAGIC = b'mmsemi-shards 1 '
HEAD = 64
COLUMNS = (('keys', '<u8'), ('places', '<u8'), ('sizes', '<u4'), ('sums', '<u4'))
LARGEST = 2**32 - 1


class ShardError(ValueError):
    """Shards that are damaged, or are not those of their index."""


class Member(NamedTuple):
    """Where a file lies.

    Attributes:
        shard (str): The tar file, or its address.
        start (int): First byte in it.
        size (int): Bytes.
        crc (int): CRC-32 of them.
    """

    shard: str
    start: int
    size: int
    crc: int


def split_member(path: str | Path) -> tuple[str, str] | None:
    """Split the path of a file in shards into the index and the file's name there.

    Returns:
        tuple[str, str], optional: None if it is no such path.
    """
    index, mark, name = str(path).partition(f'/{INDEX}/')
    return (f'{index}/{INDEX}', name) if mark and is_address(index) else None


def name_key(name: str) -> int:
    """Return the 64 bits under which an index has a name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, 'little')


class ShardIndex:
    """Where each file of a data set lies in tar shards.

    Args:
        address (str): The index: an address, or ``shards://`` and a path.

    Raises:
        FileNotFoundError: There is none.
        ShardError: It is damaged.
        OSError: As :func:`.addresses.call`.
    """

    keys: np.ndarray
    places: np.ndarray
    sizes: np.ndarray
    sums: np.ndarray

    def __init__(self, address: str) -> None:
        self.address = address.removeprefix(LOCAL)
        self.folder = self.address.removesuffix(INDEX)
        try:
            self._read(self._local_file())
        except (KeyError, TypeError, ValueError) as error:
            raise ShardError(
                f'{self.address} is damaged, or no index of shards ({error}). Write '
                'it again: `mmsemi shard --index FOLDER`.'
            ) from error

    def _local_file(self) -> Path:
        """Return the index, or a copy of the one that is at the address now."""
        if not is_address(self.address):
            if not os.path.isfile(self.address):
                raise FileNotFoundError(f'There is no index of shards {self.address}.')
            return Path(self.address)
        head = call(self.address, 'cat_file', start=0, end=HEAD)
        name = f'{self.address} {head!r}'  # another index is another copy
        return cache().keep(name, partial(call, self.address, 'cat_file'))

    def _read(self, file: Path) -> None:
        """Map the index into memory.

        Raises:
            ValueError: It is damaged.
        """
        content = np.memmap(file, np.uint8, 'r')
        head = content[:HEAD].tobytes()
        if not head.startswith(MAGIC):
            raise ValueError('it does not begin like one')
        self.digest, length = head.removeprefix(MAGIC).decode().split()
        if _digest(content[HEAD:]) != self.digest:
            raise ValueError('its check sum differs: it was cut short or changed')
        start = HEAD + int(length)
        about = json.loads(content[HEAD:start].tobytes())
        for name, kind in COLUMNS:
            end = start + about['files'] * np.dtype(kind).itemsize
            setattr(self, name, content[start:end].view(kind))
            start = end
        self.shards = [name for name, _ in about['shards']]
        self.shard_sizes = [size for _, size in about['shards']]
        self.ends = np.cumsum(self.shard_sizes, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, name: str) -> Member | None:
        """Find a file by its name; None if the index does not have it."""
        key = np.uint64(name_key(name))
        i = int(np.searchsorted(self.keys, key))
        if i == len(self.keys) or self.keys[i] != key:
            return None
        place = self.places[i]
        shard = int(np.searchsorted(self.ends, place, side='right'))
        start = int(place) - int(self.ends[shard]) + self.shard_sizes[shard]
        return Member(
            self.folder + self.shards[shard],
            start,
            int(self.sizes[i]),
            int(self.sums[i]),
        )

    def check_shards(self) -> None:
        """Check that all shards are there and as long as the index says.

        Raises:
            ShardError: Some are not; they are named.
            OSError: They cannot be reached.
        """

        def fault(shard: str, size: int) -> str | None:
            try:
                found = _size(self.folder + shard)
            except FileNotFoundError:
                return f'{shard} is missing'
            if found == size:
                return None
            return f'{shard} has {found} bytes instead of {size}'

        with ThreadPoolExecutor(AT_ONCE) as pool:
            faults = [*filter(None, pool.map(fault, self.shards, self.shard_sizes))]
        if faults:
            raise ShardError(
                f'The shards are not those of {self.address}: {some(faults)}. A copy '
                'was cut short, or the index is that of other shards: copy all files '
                'of the folder again, or write the index anew with '
                '`mmsemi shard --index FOLDER`.'
            )


@lru_cache
def open_index(address: str) -> ShardIndex:
    """Return an index, opened once in a process."""
    return ShardIndex(address)


def check_shards(address: str) -> None:
    """Check that an index, as it is now, and its shards fit each other.

    Args:
        address (str): As in :class:`ShardIndex`.

    Raises:
        FileNotFoundError: There is no such index.
        ShardError: It is damaged, or shards are missing or have another size.
    """
    open_index.cache_clear()  # it may have been written again
    open_index(address).check_shards()


def find_member(index: str, name: str) -> Member:
    """Find a file in shards.

    Args:
        index (str): As in :class:`ShardIndex`.
        name (str): Of the file.

    Raises:
        FileNotFoundError: The index does not have it.
    """
    member = open_index(index).find(name)
    if member is None:
        raise FileNotFoundError(f'{index.removeprefix(LOCAL)} has no file {name}.')
    return member


def read_member(index: str, name: str) -> bytes:
    """Read a file in shards, by a read of its bytes alone.

    Args:
        index (str): As in :class:`ShardIndex`.
        name (str): Of the file.

    Raises:
        FileNotFoundError: The index does not have it, or the shard is missing.
        ShardError: The shard has something else there.
    """
    shard, start, size, crc = find_member(index, name)
    if not size:
        content = b''
    elif is_address(shard):
        content = call(shard, 'cat_file', start=start, end=start + size)
    else:
        with open(shard, 'rb') as file:
            file.seek(start)
            content = file.read(size)
    if len(content) != size or zlib.crc32(content) != crc:
        raise ShardError(
            f'{shard} does not hold {name} where {index.removeprefix(LOCAL)} says: it '
            'was cut short, damaged or written again. Copy it again, or write the '
            'index anew with `mmsemi shard --index FOLDER`.'
        )
    return content


def write_index(
    file: Path, shards: Sequence[tuple[str, int]], columns: dict[str, np.ndarray]
) -> None:
    """Write an index, whole or not at all.

    Args:
        file (Path): The index.
        shards (Sequence): Name and size of each shard, in order.
        columns (dict): ``keys``, ``places``, ``sizes`` and ``sums``, each (N,).

    Raises:
        OSError: It cannot be written.
        ShardError: Two files have the same name.
    """
    order = np.argsort(columns['keys'], kind='stable')
    keys = columns['keys'][order]
    if len(twice := np.flatnonzero(keys[1:] == keys[:-1])):
        ends = np.cumsum([size for _, size in shards], dtype=np.uint64)
        places = columns['places'][order[twice[0] : twice[0] + 2]]
        first, second = (shards[i][0] for i in np.searchsorted(ends, places, 'right'))
        raise ShardError(
            f'{len(twice)} names occur twice in the shards, one of them in {first} and '
            f'{second}. A name has to be that of one file: rename, or leave one out.'
        )
    about: dict[str, Any] = dict(files=len(keys), shards=list(shards))
    text = json.dumps(about).encode()
    text += b' ' * (-len(text) % 8)  # the columns begin at multiples of 8
    digest = hashlib.blake2b(text, digest_size=16)
    ordered = [
        np.ascontiguousarray(columns[name][order], kind).view(np.uint8).data
        for name, kind in COLUMNS
    ]
    for column in ordered:
        digest.update(column)
    head = MAGIC + f'{digest.hexdigest()} {len(text):014d}\n'.encode()
    pieces: list[bytes | memoryview] = [head, text, *ordered]
    with replacing(file) as part, part.open('wb') as content:
        for piece in pieces:
            content.write(piece)
    open_index.cache_clear()


def _digest(content: np.ndarray) -> str:
    return hashlib.blake2b(content.data, digest_size=16).hexdigest()


def _size(path: str) -> int:
    return call(path, 'size') if is_address(path) else os.path.getsize(path)
