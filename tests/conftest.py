"""Fixtures that every test may use."""

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

# The same cases every time; `--hypothesis-profile fuzz`: others, and more.
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
    """Folder of the released trainers' figures (see tests/data/golden).

    ``MMSEMI_GOLDEN`` names another one with the same files.
    """
    return Path(os.environ.get('MMSEMI_GOLDEN', HERE / 'data' / 'golden'))


@pytest.fixture(autouse=True)
def mmsemi_scope() -> None:
    """Names are looked up as under ``default_scope = 'mmsemi'``."""
    init_default_scope('mmsemi')


@pytest.fixture(scope='session', autouse=True)
def imports_stay() -> None:
    """Every data set that is built collects garbage: not among imports."""
    gc.freeze()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch computes with one thread, and starts no others."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope='module')
def plain_configs() -> Iterator[None]:
    """Configs that are written down are not laid out.

    MMEngine does so for every checkpoint, which is most of the time of a run
    of seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
        )
        yield


@pytest.fixture(scope='module')
def bases_read_once() -> Iterator[None]:
    """Most of a config is its bases, and most of the time their reading."""
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
    """A data root of 8 train and 3 val images of 4 classes, 48x40."""
    root = tmp_path_factory.mktemp('tiny_data')
    make_tiny_data(root)
    return root
