"""Files at addresses that fsspec knows: ``s3://``, ``gs://``, ``hf://``, ..."""

from .addresses import (
    StorageError,
    call,
    is_address,
    join_address,
    local_copy,
    read_bytes,
    warm_up,
)
from .backend import PROTOCOLS, FsspecBackend
from .cache import FileCache

__all__ = [
    'PROTOCOLS',
    'FileCache',
    'FsspecBackend',
    'StorageError',
    'call',
    'is_address',
    'join_address',
    'local_copy',
    'read_bytes',
    'warm_up',
]
