"""Writing checkpoints whole or not at all."""

import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.fileio import LocalBackend, get_file_backend

from mmsemi.utils.files import replacing


@contextmanager
def whole_file(folder: str, filename: str) -> Iterator[str]:
    """Yield the name to write a file under, and rename it once it is whole.

    Storage that is not local is left to MMEngine: the name stays.

    Args:
        folder (str): Where the file is written.
        filename (str): The name that it gets.

    Raises:
        OSError: The file cannot be written; none of that name is left half.
    """
    if not isinstance(get_file_backend(folder), LocalBackend):
        yield filename
        return
    file = osp.join(folder, filename)
    try:
        with replacing(file) as part:
            yield part.name
    except OSError as error:
        raise OSError(
            error.errno,
            f'{file} could not be written ({error.strerror or error}). The '
            'checkpoints before it are untouched: make room and resume with '
            '`--resume`.',
        ) from error
