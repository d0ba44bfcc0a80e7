"""SIGTERM ends a worker if its loader sent it, not if a scheduler did."""

import multiprocessing
import signal
import subprocess
import sys
import time

import pytest
from torch.utils.data import DataLoader

from mmsemi.engine import SemiRunner
from mmsemi.engine.runner.workers import begin_worker

pytestmark = pytest.mark.skipif(
    not hasattr(signal, 'sigwaitinfo'), reason='signals without senders'
)
FORK = multiprocessing.get_context('fork')


def work(begun):
    begin_worker(lambda worker_id: begun.put(worker_id), 3)
    begun.put('listening')
    time.sleep(60)


@pytest.fixture
def worker():
    begun = FORK.Queue()
    process = FORK.Process(target=work, args=(begun,), daemon=True)
    process.start()
    assert begun.get(timeout=30) == 3  # the loader's own beginning goes first
    assert begun.get(timeout=30) == 'listening'
    yield process
    process.kill()
    process.join()


def test_sigterm_from_another_process_does_not_end_it(worker):
    for _ in range(2):
        subprocess.run(['kill', '-TERM', str(worker.pid)], check=True)
    worker.join(timeout=1)
    assert worker.is_alive()


def test_sigterm_from_its_parent_ends_it(worker):
    worker.terminate()
    worker.join(timeout=30)
    assert worker.exitcode == 0


def test_loaders_start_their_workers_with_it(monkeypatch):
    cfg = dict(
        dataset=list(range(4)),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=2,
        num_workers=1,
    )
    loader = SemiRunner.build_dataloader(cfg, seed=0)
    assert loader.worker_init_fn.func is begin_worker
    assert loader.worker_init_fn.args[0] is not None  # MMEngine's seeds
    assert [len(batch) for batch in loader] == [2, 2]
    assert SemiRunner.build_dataloader(loader) is loader
    plain = DataLoader(range(2))
    assert SemiRunner.build_dataloader(plain).worker_init_fn is None


def test_a_process_ends_with_workers_left_behind():
    """An iterator that is alive when Python exits must not delay the exit."""
    code = (
        'from functools import partial\n'
        'from torch.utils.data import DataLoader\n'
        'from mmsemi.engine.runner.workers import begin_worker\n'
        'loader = DataLoader(range(99), num_workers=2,\n'
        '    worker_init_fn=partial(begin_worker, None))\n'
        'left = iter(loader)\n'
        'next(left)\n'
        'raise SystemExit(143)\n'
    )
    done = subprocess.run([sys.executable, '-c', code], timeout=60)
    assert done.returncode == 143
