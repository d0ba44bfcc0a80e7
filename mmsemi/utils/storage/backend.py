"""MMEngine's file backend over fsspec."""

import os.path as osp
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import fsspec
from mmengine.fileio import BaseStorageBackend, register_backend

from .addresses import call, join_address
from .reading import exists, local_copy, read_bytes

# Checkpoints at http and https are MMEngine's: they have a cache of their own.
PROTOCOLS = sorted(
    {*fsspec.available_protocols(), 'shards'}
    - {'cached', 'data', 'file', 'generic', 'http', 'https', 'local'}
)
HTTP = ['http', 'https'] if find_spec('aiohttp') else []  # else MMEngine reads them


@register_backend('fsspec', force=True, prefixes=[*PROTOCOLS, *HTTP])
class FsspecBackend(BaseStorageBackend):
    """Read and write files at any address that fsspec knows.

    MMEngine chooses it by the address (``s3://bucket/1.png``), so that all that
    reads through ``mmengine.fileio`` takes addresses: images, masks, weights.
    An address may lead into shards, ``s3://bucket/index.shards/1.png``; in those of
    this machine it begins with ``shards://``.
    What is read is kept in the cache (:class:`FileCache`); what cannot be reached
    is tried again.  Credentials and settings of a protocol are those of its package
    and of fsspec's own configuration.

    The methods and their arguments are those of MMEngine's ``LocalBackend``, with
    addresses in the place of paths.  All raise what :func:`call` raises:
    FileNotFoundError, PermissionError, StorageError.
    """

    def get(self, filepath: str | Path) -> bytes:
        """Return the content of a file."""
        return read_bytes(filepath)

    def get_text(self, filepath: str | Path, encoding: str = 'utf-8') -> str:
        """Return the content of a text file."""
        return self.get(filepath).decode(encoding)

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file."""
        call(str(filepath), 'pipe_file', obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write a text file."""
        self.put(obj.encode(encoding), filepath)

    def exists(self, filepath: str | Path) -> bool:
        """Return whether there is a file or folder."""
        return exists(filepath)

    def isdir(self, filepath: str | Path) -> bool:
        """Return whether there is a folder."""
        return exists(filepath, 'isdir')

    def isfile(self, filepath: str | Path) -> bool:
        """Return whether there is a file."""
        return exists(filepath, 'isfile')

    def join_path(self, filepath: str | Path, *filepaths: str | Path) -> str:
        """Return the address of something below an address."""
        return join_address(str(filepath), '/'.join(map(str, filepaths)))

    @contextmanager
    def get_local_path(self, filepath: str | Path) -> Iterator[Path]:
        """Yield the copy of a file on this machine."""
        yield local_copy(filepath)

    def copyfile_from_local(self, src: str | Path, dst: str | Path) -> str:
        """Write a file of this machine to an address, or into a folder there."""
        address = str(dst)
        if self.isdir(address):
            address = join_address(address, Path(src).name)
        call(address, 'pipe_file', Path(src).read_bytes())
        return address

    def copyfile_to_local(self, src: str | Path, dst: str | Path) -> str | Path:
        """Write a file at an address to this machine, or into a folder there."""
        target = Path(dst, osp.basename(src)) if Path(dst).is_dir() else Path(dst)
        return shutil.copyfile(local_copy(src), target)

    def remove(self, filepath: str | Path) -> None:
        """Remove a file."""
        call(str(filepath), 'rm_file')

    def rmtree(self, dir_path: str | Path) -> None:
        """Remove a folder and all below it."""
        call(str(dir_path), 'rm', recursive=True)
