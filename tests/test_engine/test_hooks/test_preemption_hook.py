"""PreemptionHook saves on SIGTERM, exits with 143, and the run resumes exactly."""

import os
import signal
import subprocess
import time
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS
from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.processes import ADVANCED
from tests.helpers.runs import run_logged


def blocks_sigterm(pid):
    status = Path(f'/proc/{pid}/status').read_text()
    blocked = int(status.split('SigBlk:')[1].split()[0], 16)
    return bool(blocked >> signal.SIGTERM - 1 & 1)


@HOOKS.register_module(force=True)
class TermAt(Hook):
    """Send SIGTERM to this process in a step, or in a validation.

    In a step it is sent twice, as by a launcher that forwards a signal which
    all processes receive.  With ``workers``, another process sends it to this
    one and its loader workers.
    """

    priority = 'HIGHEST'

    def __init__(self, step=None, workers=0):
        self.step = step
        self.workers = workers

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 != self.step:
            return
        children = [child.pid for child in active_children()]
        assert len(children) == self.workers
        if children:
            while not all(map(blocks_sigterm, children)):
                time.sleep(0.01)  # until all workers have started
            pids = map(str, [os.getpid(), *children])
            subprocess.run(['kill', '-TERM', *pids], check=True)
        else:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if self.step is None:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def handler():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(cfg, name, *hooks, **changes):
    work_dir = os.path.join(cfg.work_dir, name)
    run_logged(cfg, *hooks, epochs=2, work_dir=work_dir, **changes)


def test_resumed_after_sigterm_ends_bit_identical(tiny_cfg, tmp_path):
    run(tiny_cfg, 'whole')
    with pytest.raises(SystemExit) as left:
        run(tiny_cfg, 'term', dict(type='TermAt', step=3))
    assert left.value.code == 143
    saved = read_checkpoint(tmp_path / 'term/interrupted.pth')
    assert saved['meta']['iter'] == 3 and saved['meta']['epoch'] == 1
    run(tiny_cfg, 'term', resume=True)
    whole, resumed = (
        read_checkpoint(tmp_path / name / 'epoch_2.pth') for name in ('whole', 'term')
    )
    assert not (tmp_path / 'term/interrupted.pth').exists()
    for key, value in whole['state_dict'].items():
        assert torch.equal(value, resumed['state_dict'][key]), key
    states = [c['optimizer']['state'] for c in (whole, resumed)]
    assert states[0].keys() == states[1].keys()
    for key, state in states[0].items():
        assert torch.equal(state['momentum_buffer'], states[1][key]['momentum_buffer'])


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='there is no /proc')
def test_a_scheduler_that_signals_the_workers_too(tiny_cfg, tmp_path):
    with pytest.raises(SystemExit) as left:
        # An epoch has two steps: its last batch is not fetched yet.
        run(
            tiny_cfg,
            'all',
            dict(type='TermAt', step=3, workers=2),
            **{
                'train_dataloader.num_workers': 2,
                'train_dataloader.prefetch_factor': 1,
            },
        )
    assert left.value.code == 143
    saved = read_checkpoint(tmp_path / 'all/interrupted.pth')
    assert saved['meta']['iter'] == 3


def test_in_a_validation_it_leaves_the_checkpoint(tiny_cfg, tmp_path, monkeypatch):
    """What has started the run is told that it got further."""
    monkeypatch.setenv(ADVANCED, str(tmp_path / 'advanced'))
    with pytest.raises(SystemExit) as left:
        run(tiny_cfg, 'term', dict(type='TermAt'))
    assert left.value.code == 143
    assert read_checkpoint(tmp_path / 'term/epoch_1.pth')['meta']['iter'] == 2
    assert (tmp_path / 'advanced').read_text() == '1'
    assert not (tmp_path / 'term/interrupted.pth').exists()
