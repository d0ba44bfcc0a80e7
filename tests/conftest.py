"""Fixtures that every test may use."""
import os
from pathlib import Path

import pytest
from mmengine.registry import init_default_scope

HERE = Path(__file__).parent


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
