"""No process waits for ever for another one."""

import faulthandler
import os
import threading
import time
from typing import NamedTuple

import torch.distributed as torch_dist
from mmengine.dist import get_dist_info, is_distributed
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS

STORE = 'mmsemi_stall'


class Sign(NamedTuple):
    """What a process says of itself: how far it is, and that it is there."""

    place: int = -1
    beat: int = -1


@HOOKS.register_module()
class StallHook(Hook):
    """Ends a run whose processes wait for one that does not come.

    Where a process hangs, the others wait in their next exchange, until the
    time-out of PyTorch (``env_cfg.dist_cfg.timeout``) ends them without a
    word for whom.  So a thread of every process gives signs.  One that has
    come no further for 4/5 of that time names the processes that are behind
    it or give no signs, shows where in the code it is itself, and ends with
    1; the launcher then ends the others.

    Steps, images of a validation and what comes before and after them count
    as going on.  A single process is left alone.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._started = False
        self._place = 0
        self._since = 0.0

    def before_train(self, runner) -> None:
        self._start(runner)

    def before_val(self, runner) -> None:
        self._start(runner)

    def before_test(self, runner) -> None:
        self._start(runner)

    def after_run(self, runner) -> None:
        self._over.set()

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        self._go_on()

    def _after_epoch(self, runner, mode: str = 'train') -> None:
        self._go_on()

    def _before_iter(self, runner, *args, **kwargs) -> None:
        self._go_on()

    def _after_iter(self, runner, *args, **kwargs) -> None:
        self._go_on()

    def _go_on(self) -> None:
        self._place += 1
        self._since = time.monotonic()

    def _start(self, runner) -> None:
        self._go_on()
        if is_distributed() and not self._started:
            self._started = True
            threading.Thread(target=self._watch, args=(runner,), daemon=True).start()

    def _watch(self, runner) -> None:
        """Give signs, and end the process when it has waited too long."""
        rank, world_size = get_dist_info()
        store = torch_dist.PrefixStore(
            STORE, torch_dist.distributed_c10d._get_default_store()
        )
        interval = min(5, runner.dist_timeout / 40)
        beat = 0

        def give_sign() -> bool:
            """Whether the run is over."""
            nonlocal beat
            beat += 1
            store.set(str(rank), f'{self._place} {beat}')
            return self._over.wait(interval)

        try:
            while not give_sign():
                place, waited = self._place, time.monotonic() - self._since
                if waited < 0.8 * runner.dist_timeout:
                    continue
                before = _signs(store, world_size)
                give_sign()
                give_sign()
                if place == self._place:
                    self._end(runner, waited, before, _signs(store, world_size))
        except RuntimeError:
            return  # the store went with its process: PyTorch's time-out

    def _end(self, runner, waited: float, before: list[Sign], now: list[Sign]) -> None:
        place = now[runner.rank].place
        silent = [r for r, sign in enumerate(now) if sign == before[r]]
        behind = [
            r for r, sign in enumerate(now) if sign.place < place and r not in silent
        ]
        if silent or behind:
            whom = 'It waits for ' + ' and '.join(
                f'process {", ".join(map(str, ranks))}, which {what}'
                for ranks, what in ((silent, 'gives no sign'), (behind, 'is behind'))
                if ranks
            )
        elif any(sign.place > place for sign in now):
            whom = 'The others wait for it'
        else:
            whom = 'So have all others'
        runner.logger.error(
            f'Process {runner.rank} has come no further for {waited:.0f} s. '
            f'{whom}. Below is where it is; checkpoints are untouched, go on '
            'by `--resume`. env_cfg.dist_cfg.timeout sets the time.'
        )
        faulthandler.dump_traceback()
        os._exit(1)


def _signs(store: torch_dist.Store, world_size: int) -> list[Sign]:
    """What every process said last."""
    return [
        Sign(*map(int, store.get(str(rank)).split()))
        if store.check([str(rank)])
        else Sign()
        for rank in range(world_size)
    ]
