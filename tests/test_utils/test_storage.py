"""Files at addresses are read, kept, and tried again."""

import io
import os
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import numpy as np
import pytest
import torch
from mmengine import fileio
from PIL import Image

from mmsemi.datasets import ListSegDataset
from mmsemi.datasets.lists import iter_list, locate
from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.files import data_folder
from mmsemi.utils.images import image_size
from mmsemi.utils.storage import (
    FileCache,
    StorageError,
    addresses,
    is_address,
    join_address,
    local_copy,
    read_bytes,
)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """An empty store at ``memory://``, an empty cache, and no pauses."""
    monkeypatch.setenv('MMSEMI_CACHE', str(tmp_path / 'cache'))
    pauses = []
    monkeypatch.setattr(addresses.time, 'sleep', pauses.append)
    store = fsspec.filesystem('memory')
    store.store.clear()
    store.pauses = pauses
    yield store
    store.store.clear()


@pytest.fixture
def failing(memory, monkeypatch):
    """Let the store raise errors, one for each call, before it answers."""
    errors = []
    cat_file = memory.cat_file

    def fail(path, **kwargs):
        if errors:
            raise errors.pop(0)
        return cat_file(path, **kwargs)

    monkeypatch.setattr(memory, 'cat_file', fail)
    return errors


def png(array):
    content = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(content, 'PNG')
    return content.getvalue()


def test_what_is_read_is_kept(memory):
    memory.pipe('/b/ä b.png', b'content')
    assert read_bytes('memory://b/ä b.png') == b'content'
    memory.store.clear()
    assert read_bytes('memory://b/ä b.png') == b'content'
    assert fileio.get('memory://b/ä b.png') == b'content'


def test_a_file_of_this_machine_is_itself(tmp_path, memory):
    (tmp_path / 'file').write_bytes(b'here')
    assert local_copy(tmp_path / 'file') == tmp_path / 'file'
    assert read_bytes(tmp_path / 'file') == b'here'
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / 'none')


def test_nothing_there_is_said_at_once(memory):
    with pytest.raises(FileNotFoundError, match='nothing at memory://b/none'):
        read_bytes('memory://b/none')
    assert not memory.pauses


def test_an_address_that_comes_back_is_read(memory, failing):
    memory.pipe('/b/1', b'content')
    failing += [ConnectionError('lost'), TimeoutError(), OSError('busy')]
    assert read_bytes('memory://b/1') == b'content'
    first, second, third = memory.pauses
    assert 0.5 <= first <= 1 <= second <= 2 <= third <= 4


def test_an_address_that_stays_away_is_an_error(memory, failing, monkeypatch):
    monkeypatch.setenv('MMSEMI_STORAGE_ATTEMPTS', '3')
    failing += [ConnectionError('lost')] * 3
    with pytest.raises(StorageError, match=r'memory://b/1 .* 3 attempts .*--resume'):
        read_bytes('memory://b/1')
    assert len(memory.pauses) == 2


@pytest.mark.parametrize(
    'name, value',
    [
        ('MMSEMI_STORAGE_ATTEMPTS', '0'),
        ('MMSEMI_STORAGE_ATTEMPTS', 'many'),
        ('MMSEMI_CACHE_GB', 'much'),
        ('MMSEMI_CACHE_GB', '-1'),
        ('MMSEMI_CACHE_GB', 'nan'),
    ],
)
def test_settings_are_followed_or_refused(memory, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f'{name}={value}'):
        read_bytes('memory://b/1')


def test_pauses_draw_from_no_seeded_generator(memory, failing):
    import random

    failing += [ConnectionError('lost')]
    memory.pipe('/b/1', b'')
    random.seed(0)
    state = random.getstate()
    read_bytes('memory://b/1')
    assert random.getstate() == state


def test_missing_credentials_are_named(memory, failing):
    failing.append(type('NoCredentialsError', (Exception,), {})('none found'))
    with pytest.raises(PermissionError, match='memory://b/1.*NoCredentialsError'):
        read_bytes('memory://b/1')


def test_missing_package_is_named(memory, monkeypatch):
    def missing(address):
        raise ImportError('Install s3fs to access S3')

    monkeypatch.setattr(addresses.fsspec, 'url_to_fs', missing)
    with pytest.raises(ImportError, match=r"pip install 'mmsemi\[s3\]'"):
        read_bytes('s3://bucket/1.png')


def test_unknown_protocol_is_named(memory):
    with pytest.raises(ValueError, match='nope'):
        read_bytes('nope://bucket/1.png')


def test_full_cache_forgets_what_was_not_read_for_longest(tmp_path):
    cache = FileCache(tmp_path, 100)
    for name in 'abcd':
        cache.keep(name, lambda: bytes(20))
        time.sleep(0.01)
    cache.keep('a', lambda: pytest.fail('a is kept'))
    time.sleep(0.01)
    cache.keep('e', lambda: bytes(20))
    fetched = []
    for name in 'ae':
        cache.keep(name, lambda: pytest.fail('kept'))
    cache.keep('b', lambda: fetched.append('b') or b'')
    assert fetched == ['b']
    assert sum(file.stat().st_size for file in tmp_path.glob('*/*')) <= 100


def test_file_that_another_process_removed_is_fetched_again(memory, monkeypatch):
    memory.pipe('/b/1', b'content')
    keep, removed = FileCache.keep, []

    def lose(self, address, fetch):
        file = keep(self, address, fetch)
        if not removed:
            removed.append(os.remove(file))
        return file

    monkeypatch.setattr(FileCache, 'keep', lose)
    assert read_bytes('memory://b/1') == b'content'


@pytest.mark.parametrize(
    'name, below',
    [
        ('a/1.png', 's3://b/data/a/1.png'),
        ('a/../1 ü.png', 's3://b/data/1 ü.png'),
        ('./1.png', 's3://b/data/1.png'),
        ('s3://b/data/1.png', 's3://b/data/1.png'),
        ('../1.png', None),
        ('/1.png', None),
        ('s3://c/1.png', None),
        ('s3://b/data2/1.png', None),
    ],
)
def test_names_lead_below_the_root(name, below):
    if below:
        assert locate('s3://b/data', name, 'list') == below
        assert locate('s3://b/data/', name, 'list') == below
    else:
        with pytest.raises(ValueError, match='outside the data root s3://b/data'):
            locate('s3://b/data', name, 'list')
    with pytest.raises(ValueError, match='outside'):
        locate('/data', 's3://b/1.png', 'list')


def test_join_address():
    assert join_address('s3://b', 'x') == 's3://b/x'
    assert is_address('s3://b') and not is_address('/s3/b')


def test_lists_images_and_masks(memory):
    memory.pipe('/b/list.txt', b'1.png m/1.png\n')
    memory.pipe('/b/1.png', png(np.zeros((3, 5, 3))))
    memory.pipe('/b/m/1.png', png(np.ones((3, 5))))
    assert next(iter_list('memory://b/list.txt')) == ('1.png', 'm/1.png')
    assert image_size('memory://b/1.png') == (3, 5)
    pipeline = [dict(type='LoadSegImage'), dict(type='LoadSegMask')]
    data = ListSegDataset(
        'list.txt', 'memory://b', metainfo=dict(classes=('a', 'b')), pipeline=pipeline
    )
    (sample,) = data.__getitems__([0])
    assert sample['img'].shape == (3, 5, 3) and (sample['gt_seg_map'] == 1).all()


def test_lists_and_images_of_a_web_server(memory, tmp_path):
    pytest.importorskip('aiohttp', reason="needs aiohttp: pip install 'mmsemi[s3]'")
    (tmp_path / 'list.txt').write_text('a b/ü.png\tm.png\n')
    (tmp_path / 'a b').mkdir()
    (tmp_path / 'a b/ü.png').write_bytes(png(np.zeros((3, 5, 3))))
    (tmp_path / 'm.png').write_bytes(png(np.ones((3, 5))))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        data = ListSegDataset(
            'list.txt',
            f'http://127.0.0.1:{server.server_port}',
            metainfo=dict(classes=('a', 'b')),
            pipeline=[dict(type='LoadSegImage'), dict(type='LoadSegMask')],
        )
        (sample,) = data.__getitems__([0])
        server.shutdown()
    assert (sample['gt_seg_map'] == 1).all()


@pytest.mark.parametrize('root', ['memory://b', '{folder}'])
def test_a_list_has_an_address_of_its_own(memory, tmp_path, root):
    memory.pipe('/elsewhere/list.txt', b'1.png\tmemory://elsewhere/m.png\n')
    memory.pipe('/elsewhere/m.png', png(np.ones((3, 5))))
    memory.pipe('/b/1.png', png(np.zeros((3, 5, 3))))
    (tmp_path / '1.png').write_bytes(png(np.zeros((3, 5, 3))))
    data = ListSegDataset(
        'memory://elsewhere/list.txt',
        root.format(folder=tmp_path),
        anywhere=True,
        metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='LoadSegImage'), dict(type='LoadSegMask')],
    )
    (sample,) = data.__getitems__([0])
    assert (sample['gt_seg_map'] == 1).all()


def test_data_folder_is_no_address(monkeypatch):
    monkeypatch.setenv('MMSEMI_DATA', 's3://bucket')
    with pytest.raises(ValueError, match='MMSEMI_DATA=s3://bucket is an address'):
        data_folder()


def test_missing_list_is_named(memory):
    with pytest.raises(FileNotFoundError, match='no list memory://b/none.txt'):
        next(iter_list('memory://b/none.txt'))


def test_weights(memory):
    content = io.BytesIO()
    torch.save(dict(state_dict=dict(w=torch.ones(2))), content)
    memory.pipe('/b/w.pth', content.getvalue())
    assert read_checkpoint('memory://b/w.pth')['state_dict']['w'].sum() == 2
