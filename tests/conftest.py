"""Fixtures that every test may use."""
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope='session')
def golden() -> Path:
    """Folder of the released trainers' figures (see tests/data/golden).

    ``MMSEMI_GOLDEN`` names another one with the same files.
    """
    return Path(os.environ.get('MMSEMI_GOLDEN', HERE / 'data' / 'golden'))
