"""Write a checkpoint, and find room for those to come."""

import os
import os.path as osp
import shutil
from contextlib import suppress
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn

from mmsemi.utils.checkpoint import read_checkpoint

from ...hooks.ema_teacher_hook import EMATeacherHook
from ...hooks.previous_models_hook import PreviousModelsHook
from ...hooks.snapshot_hook import SnapshotHook
from ...unwrap import student

# The rehearsal's file.  Were the run killed, the next one would remove it
# (WholeCheckpointHook).
FILE = '.rehearsal.part'


def save_and_read(runner: Runner) -> str:
    """Write and read a checkpoint, and check the space for those to come."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    if not hooks:
        return ''
    hook = hooks[0]
    if not isinstance(get_file_backend(hook.out_dir), LocalBackend):
        return ''
    file = Path(hook.out_dir, FILE)
    try:
        runner.save_checkpoint(  # on all processes, each of which may have a share
            hook.out_dir,
            FILE,
            save_optimizer=hook.save_optimizer,
            save_param_scheduler=hook.save_param_scheduler,
            by_epoch=hook.by_epoch,
        )
        if not is_main_process():
            return ''
        size = file.stat().st_size
        read_checkpoint(file)  # or refuse it, as a resumed run would
    finally:
        if is_main_process():
            with suppress(OSError):  # the folder may not be one
                file.unlink()
    _check_space(runner, hook, size)
    return 'a checkpoint'


def _check_space(runner: Runner, hook: CheckpointHook, size: int) -> None:
    """Check that the checkpoints to come fit into the free space.

    Args:
        runner (Runner): The run.
        hook (CheckpointHook): The hook that writes them.
        size (int): Bytes of a checkpoint before the first step.

    Raises:
        OSError: They do not fit.
    """
    weights = sum(t.nbytes for t in student(runner).state_dict().values())
    best = weights * (
        1 + sum(isinstance(each, EMATeacherHook) for each in runner.hooks)
    )
    size += _state_to_come(runner) if hook.save_optimizer else 0
    snapshots = 0
    for each in runner.hooks:
        if isinstance(each, PreviousModelsHook):
            to_come = each.max_models - len(each.models)
            size += int(to_come * weights * (0.5 if each.dtype == 'half' else 1))
        snapshots += 3 * weights * isinstance(each, SnapshotHook)
    loop = runner.train_loop
    done, end = (
        (runner.epoch, loop.max_epochs)
        if hook.by_epoch and not isinstance(loop, IterBasedTrainLoop)
        else (runner.iter, loop.max_iters)
    )
    count = (end - done) // hook.interval if hook.interval > 0 else 0
    count = max(count, int(hook.save_last))
    if hook.max_keep_ckpts > 0:  # the oldest goes when the new one is written
        count = min(count, hook.max_keep_ckpts + 1)
    num_best = len(hook.save_best or ()) if runner.val_loop is not None else 0
    # Self-training: as often as trainings of this kind are to come.
    times = int(runner.cfg.get('rehearse', True))
    need = times * (count * size + num_best * best) + snapshots
    free = shutil.disk_usage(hook.out_dir).free
    if runner.iter:  # resumed: these are among the checkpoints to keep
        free += sum(map(os.path.getsize, Path(hook.out_dir).glob('*.pth')))
    if need > free:
        raise OSError(
            f'The checkpoints to come need {_gigabytes(need)}: {count} of '
            f'{_gigabytes(size)} and {num_best} best of {_gigabytes(best)}'
            f'{f" in each of {times} trainings" if times > 1 else ""}. '
            f'{osp.abspath(hook.out_dir)} has {_gigabytes(free)} free. Make room, '
            'name another folder with `--work-dir`, or keep fewer: '
            f'default_hooks.checkpoint.max_keep_ckpts is {hook.max_keep_ckpts}, '
            f'interval {hook.interval}. (`--cfg-options rehearse=False` starts the '
            'training regardless.)'
        )


def _state_to_come(runner: Runner) -> int:
    """Estimate the bytes that the optimiser's state adds to a checkpoint."""
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    if optimizer is None or optimizer.state:
        return 0
    probe = nn.Parameter(torch.zeros(2, 2))
    probe.grad = torch.zeros(2, 2)
    try:
        trial = type(optimizer)([probe], **optimizer.defaults)
        trial.step()
        states = [s for s in trial.state[probe].values() if torch.is_tensor(s)]
    except (TypeError, ValueError, RuntimeError):
        return 0  # an optimiser with other arguments
    copies = sum(state.shape == probe.shape for state in states)
    weights = (p for group in optimizer.param_groups for p in group['params'])
    return copies * sum(p.nbytes for p in weights if p.requires_grad)


def _gigabytes(size: float) -> str:
    return f'{size / 2**30:.2f} GB' if size >= 2**28 else f'{size / 2**20:.1f} MB'
