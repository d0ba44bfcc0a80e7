"""End a run whose work dir cannot be copied to its address any more."""

import time
from contextvars import ContextVar

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.storage.mirror import LATE, Mirror

MIRROR: ContextVar[Mirror | None] = ContextVar('mirror', default=None)


@HOOKS.register_module()
class UploadHook(Hook):
    """Watch the copy of the work dir at an address, which a thread writes.

    If the address cannot be reached, the run ends.  If the copy is more than two
    minutes behind, a warning says so, every two minutes.  Without a copy, and in
    processes other than the first, the hook does nothing.
    """

    priority = 'LOWEST'  # a step is complete

    def __init__(self) -> None:
        self._said = time.monotonic()

    def before_run(self, runner: Runner) -> None:
        """Say where the copy is."""
        if mirror := MIRROR.get():
            runner.logger.info(
                f'{mirror.folder} is copied to {mirror.address} all the time.'
            )

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Check the copy.

        Raises:
            StorageError: The address cannot be reached.
        """
        self._check(runner)

    def after_val_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Check the copy, see :meth:`after_train_iter`."""
        self._check(runner)

    def after_test_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Check the copy, see :meth:`after_train_iter`."""
        self._check(runner)

    def _check(self, runner: Runner) -> None:
        mirror = MIRROR.get()
        if mirror is None:
            return
        behind, now = mirror.check(), time.monotonic()
        if min(behind, now - self._said) > LATE:
            self._said = now
            runner.logger.warning(
                f'{mirror.address} is {behind:.0f} s behind: it is slow, or does not '
                f'answer. Everything is in {mirror.folder}.'
            )
