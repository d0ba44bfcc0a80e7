"""A folder and its copy at an address are alike, whatever happens between."""

import json
import os
import time

import fsspec
import pytest

from mmsemi.utils.config import local_folder
from mmsemi.utils.storage import StorageError, addresses, mirror
from mmsemi.utils.storage.mirror import CONTENTS, Mirror

ADDRESS = 'memory://b/run'


@pytest.fixture
def store(monkeypatch):
    """An empty store at ``memory://``, and no pauses."""
    monkeypatch.setenv('MMSEMI_STORAGE_ATTEMPTS', '2')
    monkeypatch.setattr(addresses.time, 'sleep', lambda seconds: None)
    monkeypatch.setattr(mirror, 'EVERY', 0.01)
    store = fsspec.filesystem('memory')
    store.store.clear()
    yield store
    store.store.clear()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'run'
    write(folder, 'epoch_1.pth', 'one')
    write(folder, 'last_checkpoint', str(folder / 'epoch_1.pth'))
    write(folder, 'sub/ä b.txt', 'text')
    write(folder, '.epoch_2.pth.1.part', 'half')
    write(folder, 'sub/pass_1.partial', 'notes')
    return folder


def write(folder, name, text):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def files(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob('*')
        if file.is_file() and file.suffix not in ('.part', '.partial', '.lock')
    }


def copy(store):
    found = {
        name.removeprefix('/b/run/'): store.cat_file(name)
        for name in store.find('/b/run')
    }
    found.pop(CONTENTS)
    return found


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.monotonic()


def test_what_is_new_and_what_is_gone(store, folder):
    copied = Mirror(folder, ADDRESS)
    copied.start()
    assert copy(store) == files(folder) and len(files(folder)) == 3
    write(folder, 'epoch_2.pth', 'two')
    wait_for(lambda: copy(store) == files(folder))
    (folder / 'epoch_1.pth').unlink()
    write(folder, 'last_checkpoint', 'epoch_2.pth')
    copied.stop()
    assert copy(store) == files(folder) and len(files(folder)) == 3


def test_a_checkpoint_is_there_before_it_is_named(store, folder, monkeypatch):
    order = []
    put_file = type(store).put_file
    monkeypatch.setattr(
        type(store), 'put_file', lambda s, a, b: order.append(b) or put_file(s, a, b)
    )
    monkeypatch.setattr(
        type(store), 'pipe_file', lambda s, b, *args: order.append(b), raising=False
    )
    monkeypatch.setattr(type(store), 'rm_file', lambda s, b: order.append(b))
    copied = Mirror(folder, ADDRESS)
    copied.update()
    assert order[-2:] == [f'/b/run/{CONTENTS}', '/b/run/last_checkpoint']
    write(folder, 'epoch_2.pth', 'two')
    (folder / 'epoch_1.pth').unlink()
    order.clear()
    copied.update()
    new, contents, removed = order
    assert new.endswith('epoch_2.pth') and contents.endswith(CONTENTS)
    assert removed.endswith('epoch_1.pth')


def test_an_unchanged_folder_sends_nothing(store, folder):
    copied = Mirror(folder, ADDRESS)
    copied.update()
    before = {name: store.modified(name) for name in store.find('/b/run')}
    copied.update()
    assert before == {name: store.modified(name) for name in store.find('/b/run')}


def test_a_checkpoint_superseded_while_it_is_sent(store, folder, monkeypatch):
    """The contents never lack a checkpoint."""
    copied = Mirror(folder, ADDRESS)
    copied.update()
    upload = mirror.upload

    def late(file, address):
        if file.name == 'epoch_2.pth':
            write(folder, 'epoch_3.pth', 'three')
            file.unlink()
        upload(file, address)

    monkeypatch.setattr(mirror, 'upload', late)
    write(folder, 'epoch_2.pth', 'two')
    (folder / 'epoch_1.pth').unlink()
    copied.update()
    assert copy(store) == files(folder) and 'epoch_3.pth' in copy(store)


def test_a_pointer_is_not_newer_than_the_files(store, folder, monkeypatch, tmp_path):
    """A validation that is complete has its best checkpoint."""
    write(folder, 'last_validation', '1')
    upload = mirror.upload

    def late(file, address):
        upload(file, address)
        write(folder, 'best_2.pth', 'two')
        write(folder, 'last_validation', '2')

    monkeypatch.setattr(mirror, 'upload', late)
    Mirror(folder, ADDRESS).update()
    other = Mirror(tmp_path / 'other', ADDRESS)
    other.fetch()
    assert (other.folder / 'last_validation').read_text() == '1'
    assert not (other.folder / 'best_2.pth').exists()
    Mirror(folder, ADDRESS).update()
    other.fetch()
    assert (other.folder / 'last_validation').read_text() == '2'
    assert (other.folder / 'best_2.pth').exists()


def test_another_machine_continues(store, folder, tmp_path):
    for place, name in enumerate(('epoch_1.pth', 'last_checkpoint', 'sub/ä b.txt')):
        os.utime(folder / name, ns=(0, 10**18 + place))
    Mirror(folder, ADDRESS).update()
    other = Mirror(tmp_path / 'other', ADDRESS)
    assert other.holds_files()
    other.fetch()
    last = str(other.folder / 'epoch_1.pth').encode()
    assert files(other.folder) == {**files(folder), 'last_checkpoint': last}
    times = [(other.folder / n).stat().st_mtime_ns for n in files(folder)]
    assert sorted(times) == [10**18, 10**18 + 1, 10**18 + 2]
    write(other.folder, 'epoch_2.pth', 'two')
    (other.folder / 'epoch_1.pth').unlink()
    other.update()
    assert copy(store) == files(other.folder)


def test_files_of_a_clock_ahead_are_older_than_new_ones(store, folder, tmp_path):
    later = time.time_ns() + 10**13
    os.utime(folder / 'epoch_1.pth', ns=(later, later))
    Mirror(folder, ADDRESS).update()
    other = Mirror(tmp_path / 'other', ADDRESS)
    other.fetch()
    write(other.folder, 'epoch_2.pth', 'two')
    first, second = (other.folder / f'epoch_{i}.pth' for i in (1, 2))
    assert first.stat().st_mtime_ns <= second.stat().st_mtime_ns


def test_newer_files_here_are_kept_and_sent(store, folder):
    Mirror(folder, ADDRESS).update()
    write(folder, 'results.json', 'newer')
    write(folder, 'last_checkpoint', 'newer')
    again = Mirror(folder, ADDRESS)
    again.fetch()
    assert (folder / 'last_checkpoint').read_text() == 'newer'
    again.update()
    assert copy(store) == files(folder)


def test_an_address_that_stays_away(store, folder, monkeypatch):
    copied = Mirror(folder, ADDRESS)
    copied.start()

    def fail(*args, **kwargs):
        raise ConnectionError('lost')

    monkeypatch.setattr(type(store), 'put_file', fail)
    write(folder, 'epoch_2.pth', 'two')
    wait_for(lambda: copied.error)
    said = rf'memory://b/run/epoch_2\.pth .*lost.*everything is in {folder}.*--resume'
    for call in (copied.check, copied.stop):
        with pytest.raises(StorageError, match=said):
            call()


@pytest.mark.parametrize('error', [FileNotFoundError, NotImplementedError])
def test_an_address_that_takes_nothing(store, folder, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(type(store), 'put_file', fail)
    with pytest.raises(FileNotFoundError, match='Nothing can be written to memory://b'):
        Mirror(folder, ADDRESS).start()


@pytest.mark.parametrize('content', ['[1]', '{', '{"files": {"a": 1}}'])
def test_damaged_contents(store, tmp_path, content):
    store.pipe(f'/b/run/{CONTENTS}', content.encode())
    with pytest.raises(ValueError, match=f'{CONTENTS} is damaged'):
        Mirror(tmp_path, ADDRESS).fetch()


def test_names_that_lead_out_are_refused(store, folder, tmp_path):
    store.pipe(
        f'/b/run/{CONTENTS}',
        json.dumps(dict(files={'../out': [1, 2]}, pointers={})).encode(),
    )
    store.pipe('/b/out', b'1')
    with pytest.raises(ValueError, match='leads out'):
        Mirror(tmp_path / 'other', ADDRESS).fetch()


def test_the_folder_of_an_address():
    folder = os.path.join('work_dirs', 's3', 'bucket', 'a b', 'run')
    assert local_folder('s3://bucket/a b//run/') == folder
    for address in ('s3://', 's3://bucket/../run'):
        with pytest.raises(ValueError, match='is no folder at an address'):
            local_folder(address)
