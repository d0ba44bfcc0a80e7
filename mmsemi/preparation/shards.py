"""Write the files of lists into tar shards, and index shards."""

import io
import os.path as osp
import tarfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, NamedTuple

import fsspec
import numpy as np

from mmsemi.datasets.lists import iter_list, locate
from mmsemi.utils.files import raise_failures, replacing, run_parallel
from mmsemi.utils.progress import progress_bar
from mmsemi.utils.storage import (
    INDEX,
    exists,
    is_address,
    join_address,
    read_bytes,
    upload,
)
from mmsemi.utils.storage.shards import LARGEST, name_key, write_index

END = bytes(512)  # a tar file ends with two blocks of zeros


class Shard(NamedTuple):
    """A tar file, and where the files in it lie.

    Attributes:
        name (str): Of the tar file.
        size (int): Its bytes.
        keys (ndarray): (N,) uint64, of the files' names.
        starts (ndarray): (N,) uint64, first byte of each file.
        sizes (ndarray): (N,) uint32.
        sums (ndarray): (N,) uint32, CRC-32 of each file.
    """

    name: str
    size: int
    keys: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    sums: np.ndarray


def write_shards(
    lists: Sequence[str], data_root: str, out: str, limit: float
) -> tuple[int, int]:
    """Write the images and masks of lists, and the lists, into shards.

    Files keep their names and contents; a file that several lists name is written
    once.  The same lists always give the same shards.

    Args:
        lists (Sequence[str]): Lists below the data root, which go into the shards,
            or elsewhere, which do not.
        data_root (str): Folder, or address, that the names in the lists are
            relative to.
        out (str): Folder of the shards and of ``index.shards``, or its address.
        limit (float): Bytes after which a shard is full.

    Returns:
        tuple[int, int]: Number of files and of shards.

    Raises:
        FileExistsError: There are shards in ``out``.
        FileNotFoundError: A list, or a file that it names, does not exist.
        ValueError: A list is faulty, or a file does not fit into shards.
    """
    target = partial(_join, out)
    if exists(target(INDEX)):
        raise FileExistsError(
            f'{target(INDEX)} exists. Name another folder, or remove the shards first.'
        )
    below = [_below(data_root, name) for name in lists]
    files = [file or name for file, name in zip(below, lists, strict=True)]
    inner = [name for file, name in zip(below, lists, strict=True) if file]
    names = list(dict.fromkeys(_names(files, inner, data_root)))
    shards: list[Shard] = []
    with TemporaryDirectory() as spare, progress_bar(names, 'Writing shards') as bar:
        folder = Path(spare if is_address(out) else out)
        left = iter(bar)
        while True:
            name = f'shard-{len(shards):06d}.tar'
            shard = _write_shard(folder / name, left, data_root, limit)
            if not len(shard.keys):
                break
            shards.append(shard)
            if is_address(out):
                upload(folder / name, target(name))
                (folder / name).unlink()
        _write_index(folder / INDEX, shards)
        if is_address(out):
            upload(folder / INDEX, target(INDEX))
    return len(names), len(shards)


def index_shards(folder: str, workers: int = 1) -> tuple[int, int]:
    """Write the index of the tar files in a folder.

    Args:
        folder (str): The folder, or its address.
        workers (int): Number of processes that read.

    Returns:
        tuple[int, int]: Number of files and of shards.

    Raises:
        FileNotFoundError: There are no tar files in the folder.
        ShardError: A name occurs twice.
        ValueError: A tar file is damaged or cut short.
    """
    system, path = fsspec.url_to_fs(folder)
    names = sorted(osp.basename(found) for found in system.glob(f'{path}/*.tar'))
    if not names:
        raise FileNotFoundError(f'There is no tar file in {folder}.')
    files = [f'{folder.rstrip("/")}/{name}' for name in names]
    done, failures = run_parallel(read_shard, files, 'Reading shards', workers)
    raise_failures(failures, f'Indexing {folder}')
    shards = [shard for _, shard in done]
    if is_address(folder):
        with TemporaryDirectory() as spare:
            _write_index(Path(spare, INDEX), shards)
            upload(Path(spare, INDEX), join_address(folder, INDEX))
    else:
        _write_index(Path(folder, INDEX), shards)
    return sum(len(shard.keys) for shard in shards), len(shards)


def read_shard(file: str) -> Shard:
    """Find the files in a tar file.

    Args:
        file (str): The tar file, or its address.

    Raises:
        ValueError: It is damaged, cut short or compressed.
    """
    columns = _Columns()
    try:
        with fsspec.open(file, 'rb') as content:
            with tarfile.open(fileobj=content, mode='r:') as tar:
                for member in tar:
                    if not member.isreg():
                        continue
                    data = tar.extractfile(member).read()
                    if len(data) != member.size:
                        raise tarfile.ReadError(f'{member.name} is not whole')
                    columns.add(_normal(member.name), member.offset_data, data)
                    tar.members = []  # which it keeps for all files
            size = content.seek(0, io.SEEK_END)
            content.seek(-len(END), io.SEEK_END)
            if content.read() != END:
                raise tarfile.ReadError('its end is missing')
    except (EOFError, tarfile.TarError) as error:
        raise ValueError(
            f'{file} is damaged, cut short or compressed ({error}). Copy it again, or '
            'write it as a plain tar file.'
        ) from error
    return columns.shard(osp.basename(file), size)


class _Columns:
    """What is known of the files of a shard, as it is written or read."""

    def __init__(self) -> None:
        self.keys, self.starts = array('Q'), array('Q')
        self.sizes, self.sums = array('L'), array('L')

    def add(self, name: str, start: int, content: bytes) -> None:
        """Add a file."""
        if len(content) > LARGEST:
            raise ValueError(f'{name} is too large for a shard: 4 GB or more.')
        self.keys.append(name_key(name))
        self.starts.append(start)
        self.sizes.append(len(content))
        self.sums.append(zlib.crc32(content))

    def shard(self, name: str, size: int) -> Shard:
        """Return them as arrays."""
        return Shard(
            name,
            size,
            np.array(self.keys, np.uint64),
            np.array(self.starts, np.uint64),
            np.array(self.sizes, np.uint32),
            np.array(self.sums, np.uint32),
        )


def _names(files: Sequence[str], inner: Sequence[str], root: str) -> Iterator[str]:
    """Yield the names of all files of lists, and of lists that go into shards."""
    yield from (_normal(name) for name in inner)
    for file in files:
        for entry in iter_list(file):
            for name in filter(None, entry):
                if is_address(name) or osp.isabs(name):
                    raise ValueError(
                        f'The list {file} names {name}. In shards a file has the name '
                        'that the list gives it: make it relative to the data root.'
                    )
                locate(root, name, file)
                yield _normal(name)


def _normal(name: str) -> str:
    """Return a name as data sets look for it: without ``.`` and ``..``."""
    return join_address('', name)[1:]


def _write_shard(file: Path, names: Iterator[str], root: str, limit: float) -> Shard:
    """Write files until the shard is full, or none is left."""
    columns = _Columns()
    size = 0
    name = next(names, None)
    if name is None:
        return columns.shard(file.name, 0)
    with replacing(file) as part, part.open('wb') as content:
        with tarfile.open(fileobj=content, mode='w') as tar:
            while name is not None:
                data = _content(root, name)
                header = tarfile.TarInfo(name)  # without time and owner
                header.size = len(data)
                tar.addfile(header, io.BytesIO(data))
                columns.add(name, _start(content, len(data)), data)
                if content.tell() >= limit:
                    break
                name = next(names, None)
        size = content.tell()
    return columns.shard(file.name, size)


def _below(root: str, name: str) -> str | None:
    """Return the path of a list below the data root, if it is there."""
    if is_address(name) or osp.isabs(name):
        return None
    path = _join(root, name)
    return path if exists(path) else None


def _join(root: str, name: str) -> str:
    return join_address(root, name) if is_address(root) else osp.join(root, name)


def _content(root: str, name: str) -> bytes:
    path = _join(root, name)
    try:
        return read_bytes(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'There is no {path}, which a list names. Correct the list or --data-root.'
        ) from error


def _start(content: BinaryIO, size: int) -> int:
    """Return where the file begins that was just added to a tar file."""
    return content.tell() - -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _write_index(file: Path, shards: Sequence[Shard]) -> None:
    before = np.cumsum([0, *(shard.size for shard in shards)], dtype=np.uint64)
    empty = np.empty(0, np.uint64)
    columns = dict(
        keys=np.concatenate([empty, *(shard.keys for shard in shards)]),
        places=np.concatenate(
            [
                empty,
                *(s.starts + start for s, start in zip(shards, before, strict=False)),
            ]
        ),
        sizes=np.concatenate([empty, *(shard.sizes for shard in shards)]),
        sums=np.concatenate([empty, *(shard.sums for shard in shards)]),
    )
    write_index(file, [(shard.name, shard.size) for shard in shards], columns)
