import pytest
from mmengine.config import Config

from helpers.rehearsal import set_crop, use_noise
from tests.helpers.tools import TINY


@pytest.fixture
def cfg(tmp_path, one_thread):
    """A tiny training on made-up images of 49x49 pixels."""
    cfg = Config.fromfile(TINY)
    set_crop(cfg, 49)
    use_noise(cfg, str(tmp_path), images=8)
    return cfg
