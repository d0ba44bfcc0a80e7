"""A small set of scenes, made once."""

import pytest

from mmsemi.datasets import ensure_scenes
from tests.helpers.scenes import SMALL


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return ensure_scenes(tmp_path_factory.mktemp('data') / 'scenes', **SMALL)
