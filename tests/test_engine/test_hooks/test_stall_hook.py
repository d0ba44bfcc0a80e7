"""What is said when nothing goes on; that it is, in test_processes.py."""

import logging
import os
from types import SimpleNamespace

import pytest

from mmsemi.engine.hooks import stall_hook
from mmsemi.engine.hooks.stall_hook import Sign, StallHook


@pytest.mark.parametrize('now, said', [
    ([Sign(7, 5), Sign(7, 3)], 'waits for process 1, which gives no sign.'),
    ([Sign(7, 5), Sign()], 'waits for process 1, which gives no sign.'),
    ([Sign(7, 5), Sign(6, 5), Sign(7, 5), Sign(2, 4)],
     'waits for process 1, 3, which is behind.'),
    ([Sign(7, 5), Sign(7, 3), Sign(6, 5)],
     'process 1, which gives no sign and process 2, which is behind.'),
    ([Sign(7, 5), Sign(8, 5)], 'The others wait for it.'),
    ([Sign(7, 5), Sign(7, 4)], 'So have all others.'),
])  # yapf: disable
def test_who_is_waited_for(now, said, monkeypatch, caplog):
    """Beats were 3 when this process, 0, looked first."""
    codes = []
    monkeypatch.setattr(os, '_exit', codes.append)
    monkeypatch.setattr(stall_hook.faulthandler, 'dump_traceback', lambda: None)
    runner = SimpleNamespace(rank=0, logger=logging.getLogger(__name__))
    before = [Sign(sign.place, min(sign.beat, 3)) for sign in now]
    StallHook()._end(runner, 90.0, before, now)
    assert codes == [1]
    (message,) = caplog.messages
    assert 'Process 0 has come no further for 90 s' in message
    assert said in message and '--resume' in message
    assert 'env_cfg.dist_cfg.timeout' in message
