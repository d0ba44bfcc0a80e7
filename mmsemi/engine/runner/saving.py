"""Write checkpoints whole or not at all."""

import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.fileio import LocalBackend, get_file_backend

from mmsemi.utils.files import replacing


@contextmanager
def whole_file(folder: str, filename: str) -> Iterator[str]:
    """Yield the name to write a file under, and rename it once it is whole.

    For storage that is not local, the final name is yielded and MMEngine
    writes the file.

    Args:
        folder (str): Folder of the file.
        filename (str): Final name of the file.

    Raises:
        OSError: The file cannot be written; no partial file remains.
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
