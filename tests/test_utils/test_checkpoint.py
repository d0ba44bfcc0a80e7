"""Checkpoints run no code when read, and are written in one step."""

import os
import pickle
import re
import resource
import runpy
import signal
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.logging import HistoryBuffer

from mmsemi.utils.checkpoint import read_checkpoint, trusting, write_checkpoint


class Payload:
    """Call a function when unpickled."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def traces(folder):
    """Return payloads that would leave a trace in the folder."""
    mark = str(folder / 'ran')
    return dict(
        system=Payload(os.system, f'touch {mark}'),
        open=Payload(open, mark, 'w'),
        mkdir=Payload(os.mkdir, mark),
        eval=Payload(eval, f'open({mark!r}, "w")'),
        getattr=Payload(getattr, getattr, '__self__'),
        reached=Payload(getattr, HistoryBuffer, '__init__'),
    )


@pytest.mark.parametrize(
    'name', ['system', 'open', 'mkdir', 'eval', 'getattr', 'reached']
)
@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_payload_is_refused_and_nothing_runs(tmp_path, name, zipped):
    file = tmp_path / 'evil.pth'
    checkpoint = dict(state_dict=dict(w=torch.ones(2)), meta=traces(tmp_path)[name])
    torch.save(checkpoint, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r'evil\.pth holds .*--trust-checkpoint'):
        read_checkpoint(file)
    assert os.listdir(tmp_path) == ['evil.pth']


def test_bare_pickle_runs_nothing(tmp_path):
    file = tmp_path / 'evil.pth'
    file.write_bytes(pickle.dumps(traces(tmp_path)['system']))
    with pytest.raises(ValueError, match=r'evil\.pth'):
        read_checkpoint(file)
    assert os.listdir(tmp_path) == ['evil.pth']


def test_trust_is_explicit_and_ends(tmp_path):
    file = tmp_path / 'own.pth'
    torch.save(dict(x=Payload(os.mkdir, str(tmp_path / 'ran'))), file)
    with trusting(True):
        read_checkpoint(file)
    assert (tmp_path / 'ran').exists()
    with pytest.raises(ValueError, match='refused'):
        read_checkpoint(file)


def test_trust_does_not_reach_mmengine(tmp_path, monkeypatch):
    """MMEngine's fallback, which loads what was refused, is off."""
    from mmengine.runner.checkpoint import CheckpointLoader

    file = tmp_path / 'evil.pth'
    torch.save(traces(tmp_path)['mkdir'], file)
    seen = []

    def load(name, map_location=None, logger=None):
        seen.append(name)
        return torch.load(file, weights_only=False)

    monkeypatch.setattr(CheckpointLoader, 'load_checkpoint', load)
    with pytest.raises(ValueError, match='refused'):
        read_checkpoint('open-mmlab://evil')
    assert seen == ['open-mmlab://evil']
    assert not (tmp_path / 'ran').exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


def test_history_keeps_its_statistics(tmp_path):
    history = HistoryBuffer([1.0, 2.0, 6.0], [1, 1, 1])
    torch.save(dict(history=history), tmp_path / 'own.pth')
    read = read_checkpoint(tmp_path / 'own.pth')['history']
    assert read.statistics('mean') == 3 and read.max() == 6


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    file = tmp_path_factory.mktemp('whole') / 'a.pth'
    write_checkpoint(dict(state_dict=dict(w=torch.arange(500.0))), file)
    return file.read_bytes()


@given(data=st.data())
def test_fuzzed_files_are_refused_by_name(whole, tmp_path, data):
    """Cut, changed or replaced bytes: ValueError, or the same tensors."""
    kind = data.draw(st.sampled_from(['cut', 'flip', 'other']))
    place = data.draw(st.integers(0, len(whole) - 1))
    content = dict(
        cut=whole[:place],
        flip=whole[:place]
        + bytes([whole[place] ^ 1 << place % 8])
        + whole[place + 1 :],
        other=data.draw(st.binary(max_size=200)),
    )[kind]
    file = tmp_path / 'fuzzed.pth'
    file.write_bytes(content)
    try:
        read = read_checkpoint(file)
    except ValueError as error:
        assert 'fuzzed.pth' in str(error)
    else:
        assert torch.equal(read['state_dict']['w'], torch.arange(500.0))


def test_a_table_of_contents_that_points_before_the_file(whole, tmp_path):
    at = whole.index(b'PK\6\6') + 50  # where it says that it is itself
    file = tmp_path / 'a.pth'
    file.write_bytes(whole[:at] + b'\1' + whole[at + 1 :])
    with pytest.raises(ValueError, match=r'a\.pth is damaged'):
        read_checkpoint(file)


def test_a_changed_byte_of_a_tensor_is_found(whole, tmp_path):
    """PyTorch alone reads it as another number."""
    at = whole.index(torch.arange(500.0).numpy().tobytes()) + 100
    file = tmp_path / 'a.pth'
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
    torch.load(file, weights_only=True)
    with pytest.raises(ValueError, match='check sum|CRC|damaged'):
        read_checkpoint(file)
    assert zipfile.is_zipfile(file)


@pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'])
def test_scores_are_read_whichever_numpy_wrote_them(tmp_path, core):
    """NumPy 2 moved the functions that rebuild them."""
    file = tmp_path / 'a.pth'
    torch.save(
        dict(score=np.float64(0.5), areas=np.arange(3)),
        file,
        pickle_protocol=2,
        _use_new_zipfile_serialization=False,
    )
    content = file.read_bytes()
    assert re.search(rb'numpy\._?core\.multiarray', content)
    file.write_bytes(re.sub(rb'numpy\._?core(?=\.multiarray)', core, content))
    read = read_checkpoint(file)
    assert read['score'] == 0.5 and read['areas'].tolist() == [0, 1, 2]


def test_imports_without_the_former_numpy_core(monkeypatch):
    monkeypatch.setitem(sys.modules, 'numpy.core', None)
    monkeypatch.delattr(np, 'core', raising=False)
    with pytest.raises(ImportError):
        import numpy.core  # noqa: F401
    runpy.run_module('mmsemi.utils.checkpoint')


def test_writing_holds_no_copy_in_memory(tmp_path):
    checkpoint = dict(w=torch.ones(4_000_000))
    tracemalloc.start()
    write_checkpoint(checkpoint, tmp_path / 'a.pth')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert os.path.getsize(tmp_path / 'a.pth') > 16e6
    assert peak < 2e6


def test_a_disk_that_fills_while_writing(tmp_path):
    """PyTorch would raise a RuntimeError that names no file."""
    file = tmp_path / 'a.pth'
    write_checkpoint(dict(w=torch.zeros(2)), file)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
        with pytest.raises(OSError, match=r'a\.pth could not be written \(File too'):
            write_checkpoint(dict(w=torch.ones(1_000_000)), file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_checkpoint(file)['w'].tolist() == [0, 0]
    assert os.listdir(tmp_path) == ['a.pth']
