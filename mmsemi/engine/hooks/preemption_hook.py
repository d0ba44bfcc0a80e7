"""Save a checkpoint and end the run on SIGTERM."""

import os
import os.path as osp
import signal
import threading
from datetime import timedelta

import torch
import torch.distributed as torch_dist
from mmengine.dist import is_distributed, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsemi.registry import HOOKS
from mmsemi.utils.files import write_whole
from mmsemi.utils.processes import ADVANCED

EXIT_CODE = 128 + signal.SIGTERM
CHECKPOINT = 'interrupted.pth'


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM, save ``interrupted.pth`` and end the process with 143.

    The current step is finished first; ``--resume`` continues after it.  In a
    validation the process ends without saving: the checkpoint of the epoch
    was written before.

    Several processes must stop after the same step: they exchange one number
    per step in a group of their own, on the CPU, so that no device waits.  A
    signal to one of them is enough.  None exits before the file is written,
    since launchers end all processes when one exits.  Repeated signals, as
    from a launcher that forwards what its processes receive as well, change
    nothing; SIGINT and SIGKILL end a process at once.

    What starts the run again, as a job of SLURM does, may name a file in
    ``MMSEMI_ADVANCED``, which is filled after the first step: a run that never
    gets so far need not be started for ever.
    """

    priority = 'LOWEST'  # after everything else in the step

    def __init__(self) -> None:
        self._asked = False
        self._advanced = False
        self._former = None
        self._group = None

    def before_train(self, runner: Runner) -> None:
        """Catch SIGTERM."""
        if is_distributed() and self._group is None:
            self._group = torch_dist.new_group(
                backend='gloo', timeout=timedelta(seconds=runner.dist_timeout)
            )
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, signum, frame) -> None:
        self._asked = True

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Save and exit if any process was signalled.

        Raises:
            SystemExit: With 143.
        """
        self._note_step()
        if not self._agreed():
            return
        runner.save_checkpoint(
            runner.work_dir,
            CHECKPOINT,
            meta=dict(epoch=runner.epoch, iter=runner.iter + 1),
            by_epoch=False,
        )
        file = osp.join(runner.work_dir, CHECKPOINT)
        if is_main_process():
            write_whole(osp.join(runner.work_dir, 'last_checkpoint'), file.encode())
        if self._group is not None:
            torch_dist.barrier(self._group)
        self._leave(runner, f'saved {file}')

    def _note_step(self) -> None:
        file = os.environ.get(ADVANCED)
        if file and not self._advanced and is_main_process():
            write_whole(file, b'1')
        self._advanced = True

    def after_val_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Exit if this process was signalled.

        Raises:
            SystemExit: With 143.
        """
        if self._asked:
            self._leave(runner, 'not saved, as the run was in a validation')

    def after_train(self, runner: Runner) -> None:
        """Restore the former handler of SIGTERM."""
        if self._former is not None:
            signal.signal(signal.SIGTERM, self._former)

    def _agreed(self) -> bool:
        """Exchange whether any process was signalled."""
        if self._group is None:
            return self._asked
        asked = torch.tensor(int(self._asked))
        torch_dist.all_reduce(asked, torch_dist.ReduceOp.MAX, self._group)
        return bool(asked)

    def _leave(self, runner: Runner, what: str) -> None:
        runner.logger.warning(f'SIGTERM: {what}; continue with `--resume`.')
        raise SystemExit(EXIT_CODE)
