"""Name the process that hangs in a distributed run, and end the run."""

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch.distributed as torch_dist
from mmengine.dist import get_dist_info, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.compat import default_store

STORE = 'mmsemi_stall'
ADVICE = (
    'Checkpoints are intact: continue with `--resume`, and with a longer '
    'env_cfg.dist_cfg.timeout if it was only slow. '
)

UNREACHABLE = 'The machine that connects the processes cannot be reached any more'


class Sign(NamedTuple):
    """A sign of life (heartbeat) that a process gives the others.

    Attributes:
        place (int): Progress: counts steps, validated images and epochs.
        beat (int): Number of signs so far; it stays the same if the process is
            dead.
    """

    place: int = -1
    beat: int = -1


@HOOKS.register_module()
class StallHook(Hook):
    """Name the process that the others wait for, and end the run.

    Does nothing in a run of one process.  If one of several hangs, the
    others wait in their next exchange until PyTorch's timeout
    (``env_cfg.dist_cfg.timeout``) ends them without naming it.  So a thread of
    each process gives signs of life.  A process that has made no progress for
    4/5 of the timeout compares them.  If a process is behind or silent, or
    others are ahead, it logs an error that names them, prints the stacks of
    its threads and ends.  If all are at the same place, none waits for
    another (all may load data slowly): it warns once, and leaves the rest to
    PyTorch.

    This is on by default: it ends only runs that PyTorch's timeout would end
    soon, without naming a process, and checkpoints remain to resume from.  If
    processes may have to wait for so long, set a longer timeout.  The process
    ends with ``os._exit(1)``: its main thread is inside an exchange, where no
    exception reaches it, and ``sys.exit`` in a thread ends only the thread.
    PyTorch's own watchdog ends processes in the same way.  The launcher then
    ends the others.

    Steps, validated images, and what comes before and after them count as
    progress.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._started = False
        self._place = 0
        self._since = 0.0

    def _start(self, runner: Runner) -> None:
        """Start the thread, in a run of several processes."""
        self._progress(runner)
        if is_distributed() and not self._started:
            self._started = True
            threading.Thread(target=self._watch, args=(runner,), daemon=True).start()

    def _progress(self, runner: Runner, *args, **kwargs) -> None:
        self._place += 1
        self._since = time.monotonic()

    before_train = before_val = before_test = _start
    before_train_epoch = before_val_epoch = before_test_epoch = _progress
    before_train_iter = before_val_iter = before_test_iter = _progress
    after_train_iter = after_val_iter = after_test_iter = _progress
    after_train_epoch = after_val_epoch = after_test_epoch = _progress

    def after_run(self, runner: Runner) -> None:
        """Stop the thread."""
        self._over.set()

    def _watch(self, runner: Runner) -> None:
        """Give signs, and end the process when it waits too long for others."""
        rank, world_size = get_dist_info()
        store = torch_dist.PrefixStore(STORE, default_store())
        interval = min(5, runner.dist_timeout / 40)
        beat, warned_at = 0, -1

        def give_sign() -> bool:
            """Give a sign; return whether the run is over."""
            nonlocal beat
            beat += 1
            store.set(str(rank), f'{self._place} {beat}')
            return self._over.wait(interval)

        def tell(whom: str, lost: bool = True) -> None:
            """Say whom this process waits for; end it if that is for nothing."""
            waited = time.monotonic() - self._since
            runner.logger.log(
                logging.ERROR if lost else logging.WARNING,
                f'Process {rank} has made no progress for {waited:.0f} s. {whom}. '
                f'{ADVICE if lost else ""}The stacks of its threads follow.',
            )
            faulthandler.dump_traceback()
            if lost:
                os._exit(1)

        try:
            while not give_sign():
                place, waited = self._place, time.monotonic() - self._since
                if waited < 0.8 * runner.dist_timeout:
                    continue
                with _limited(0.2 * runner.dist_timeout, tell):
                    before = _signs(store, world_size)
                    if give_sign() or give_sign():
                        return
                    lost, whom = diagnose(rank, before, _signs(store, world_size))
                if place != self._place or not lost and place == warned_at:
                    continue
                warned_at = place
                tell(whom, lost)
        except RuntimeError:
            return  # the store's process has ended: PyTorch's timeout acts


@contextmanager
def _limited(seconds: float, tell: Callable[[str], None]) -> Iterator[None]:
    """Limit the time in which the other processes can be asked.

    If the network is down, PyTorch waits for an answer as long as the system does,
    a quarter of an hour.
    """
    timer = threading.Timer(seconds, tell, [UNREACHABLE])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def diagnose(rank: int, before: list[Sign], now: list[Sign]) -> tuple[bool, str]:
    """Find out which process a process that makes no progress waits for.

    Args:
        rank (int): The process.
        before (list[Sign]): The signs of all processes some time ago.
        now (list[Sign]): Their signs now.

    Returns:
        tuple[bool, str]: Whether one process waits for another, so that
        PyTorch's timeout would end the run, and a sentence that says which.
    """
    place = now[rank].place
    silent = [r for r, sign in enumerate(now) if sign == before[r]]
    behind = [r for r, sign in enumerate(now) if sign.place < place and r not in silent]
    if silent or behind:
        return True, 'It waits for ' + ' and '.join(
            f'process {", ".join(map(str, ranks))}, which {what}'
            for ranks, what in (
                (silent, 'gives no sign of life'),
                (behind, 'is behind'),
            )
            if ranks
        )
    if any(sign.place > place for sign in now):
        return True, 'The others wait for it'
    return False, 'Nor have the others'


def _signs(store: torch_dist.Store, world_size: int) -> list[Sign]:
    """Read the last sign of every process."""
    return [
        Sign(*map(int, store.get(str(rank)).split()))
        if store.check([str(rank)])
        else Sign()
        for rank in range(world_size)
    ]
