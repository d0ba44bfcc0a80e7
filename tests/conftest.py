"""Fixtures for all tests."""

import gc
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from mmengine.config import Config
from mmengine.registry import init_default_scope

from tests.helpers.runs import make_tiny_data

HERE = Path(__file__).parent

# The same cases every time; `--hypothesis-profile fuzz` draws more and others.
settings.register_profile(
    'mmsemi',
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    'fuzz', settings.get_profile('mmsemi'), derandomize=False, max_examples=5000
)
settings.load_profile('mmsemi')


@pytest.fixture(scope='session')
def golden() -> Path:
    """Return the folder of the released trainers' values, tests/data/golden.

    ``MMSEMI_GOLDEN`` sets another folder with the same files.
    """
    return Path(os.environ.get('MMSEMI_GOLDEN', HERE / 'data' / 'golden'))


@pytest.fixture(autouse=True)
def mmsemi_scope() -> None:
    """Look up names as with ``default_scope = 'mmsemi'``."""
    init_default_scope('mmsemi')


@pytest.fixture(scope='session', autouse=True)
def imports_stay() -> None:
    """Exclude imported objects from garbage collection, which data sets trigger."""
    gc.freeze()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let PyTorch compute with one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope='module')
def plain_configs() -> Iterator[None]:
    """Write configs without formatting them.

    MMEngine formats the config for every checkpoint, which takes most of the
    time of a short run.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
        )
        yield


@pytest.fixture(scope='module')
def bases_read_once() -> Iterator[None]:
    """Read each base of a config once: it takes most of the time of a config."""
    read, known = Config._file2dict, {}

    def read_once(filename, *args, **kwargs):
        if '_base_' not in str(filename):
            return read(filename, *args, **kwargs)
        if filename not in known:
            known[filename] = pickle.dumps(read(filename, *args, **kwargs))
        return pickle.loads(known[filename])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, '_file2dict', staticmethod(read_once))
        yield


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory) -> Path:
    """Write a data root: 8 training, 3 validation images of 4 classes, 48x40."""
    root = tmp_path_factory.mktemp('tiny_data')
    make_tiny_data(root)
    return root
