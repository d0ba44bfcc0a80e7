"""Files at addresses that fsspec knows, ``s3://``, ``gs://``, ..., and in shards."""

from .addresses import StorageError, call, is_address, join_address, upload
from .backend import PROTOCOLS, FsspecBackend
from .cache import FileCache
from .reading import (
    exists,
    identity,
    is_missing,
    is_near,
    local_copy,
    open_file,
    read_bytes,
    warm_up,
)
from .shards import INDEX, LOCAL, ShardError, ShardIndex, check_shards

__all__ = [
    'INDEX',
    'LOCAL',
    'PROTOCOLS',
    'FileCache',
    'FsspecBackend',
    'ShardError',
    'ShardIndex',
    'StorageError',
    'call',
    'check_shards',
    'exists',
    'identity',
    'is_address',
    'is_missing',
    'is_near',
    'join_address',
    'local_copy',
    'open_file',
    'read_bytes',
    'upload',
    'warm_up',
]
