"""Files are written completely or stay unchanged."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from mmsemi.utils.checkpoint import write_checkpoint
from mmsemi.utils.files import data_folder, write_whole
from mmsemi.utils.images import write_indices, write_picture
from mmsemi.visualization import save_mask

MASK = np.zeros((4, 5), np.uint8)
WRITERS = dict(
    whole=lambda file: write_whole(file, b'new'),
    indices=lambda file: write_indices(file, MASK),
    picture=lambda file: write_picture(file, np.zeros((4, 5, 3), np.uint8)),
    pseudo_label=lambda file: save_mask(MASK, [[1, 2, 3]], file),
    checkpoint=lambda file: write_checkpoint(dict(a=1), file),
)


@pytest.mark.parametrize('name', WRITERS)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, name):
    file = tmp_path / 'folder' / 'a.png'
    write_whole(file, b'old')

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match=r'a\.png could not .*No space') as error:
        WRITERS[name](file)
    assert error.value.errno == errno.ENOSPC
    assert file.read_bytes() == b'old'
    monkeypatch.undo()
    WRITERS[name](file)
    assert file.read_bytes() != b'old'
    assert os.listdir(file.parent) == ['a.png']


def test_rights_are_named(tmp_path, monkeypatch):
    def refuse(*args):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, 'replace', refuse)
    with pytest.raises(PermissionError, match=r'a\.txt could not .*rights'):
        write_whole(tmp_path / 'a.txt', b'')


@pytest.mark.parametrize('value, folder', [('/far', '/far'), ('', 'data')])
def test_an_empty_data_folder_is_none(monkeypatch, value, folder):
    monkeypatch.setenv('MMSEMI_DATA', value)
    assert data_folder() == Path(folder)
