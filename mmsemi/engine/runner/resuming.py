"""Find the checkpoint that a run resumes from, and its place in the epoch."""

import logging
import os.path as osp
from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsemi.utils.checkpoint import read_checkpoint

from .batch import steps_per_update

EPOCH = 'epoch_length'  # in the meta of a checkpoint
RESUMABLE = {'meta', 'state_dict', 'message_hub'}


def newest_whole_checkpoint(work_dir: str, since: float = 0) -> str | None:
    """Find the newest checkpoint of a work dir that is not damaged.

    Newest is by time of writing, whatever ``last_checkpoint`` says: a kill may
    have come before that file was updated.  The folder that it names is
    searched too.  Best checkpoints, which lack the optimiser, are left out.

    Args:
        work_dir (str): The work dir.
        since (float): Leave out those that were written before this time, in
            seconds since 1970.  Defaults to 0.

    Returns:
        str, optional: None if there are no checkpoints at all.

    Raises:
        ValueError: There are checkpoints, and all are damaged.
    """
    damaged = []
    for file in _candidates(work_dir):
        if file.stat().st_mtime < since:
            break
        try:
            checkpoint = read_checkpoint(file)
        except (OSError, ValueError) as error:
            print_log(
                f'Not resuming from {file}: {error}',
                logger='current',
                level=logging.WARNING,
            )
            damaged.append(str(file))
            continue
        if RESUMABLE <= checkpoint.keys():
            return str(file)
    if damaged:
        raise ValueError(
            f'No checkpoint of {work_dir} can be resumed from: '
            f'{", ".join(damaged)} cannot be read. Name another one with '
            '`--resume FILE`, or remove these to start anew.'
        )
    return None


def describe_epoch(runner: Runner) -> dict[str, int | None]:
    """Describe an epoch, so that a resumed run finds its place in another one.

    Args:
        runner (Runner): It has built its train loop.

    Returns:
        dict: ``steps`` and ``images`` of an epoch, and the ``samples`` of a step
        on all processes; None if the loader does not tell.
    """
    loader = runner.train_dataloader
    samples = loader.batch_size and loader.batch_size * runner.world_size
    return dict(steps=len(loader), samples=samples, images=len(loader.dataset))


def find_place(runner: Runner, checkpoint: dict, filename: str) -> None:
    """Convert the place of a checkpoint in its run to the steps of this run.

    Training by epochs resumes at the same share of them: if the batch or the
    number of steps per update changed, at the step with the same sample (a
    step's samples may be repeated, none is left out).  If the lists changed, an
    epoch that had begun starts over.  Training by iterations resumes at the
    same iteration.  A run that changes from one to the other keeps its
    iteration.

    Args:
        runner (Runner): It has built its train loop.
        checkpoint (dict): ``epoch`` and ``iter`` of its ``meta`` are changed in
            place.
        filename (str): The checkpoint, for the log.
    """
    meta, loop = checkpoint['meta'], runner.train_loop
    if not isinstance(loop, EpochBasedTrainLoop):
        meta['epoch'] = 0  # its only one
        return
    new, old = describe_epoch(runner), meta.get(EPOCH, {})
    epoch, iteration, steps = meta['epoch'], meta['iter'], new['steps']
    done = iteration - epoch * old.get('steps', steps)
    if meta.get('by_iter'):
        epoch, done = divmod(iteration, steps)
        runner.logger.info(
            f'{filename} was written in training by iterations: iteration '
            f'{iteration} is step {done} of epoch {epoch}.'
        )
    elif not old and not 0 <= done <= steps:
        # Written before checkpoints described their epoch.
        done = 0
        runner.logger.warning(
            f'{filename} was written at iteration {iteration} of epoch {epoch}, '
            f'but an epoch now has {steps} iterations: the batch size, the lists '
            'or the number of processes changed. Starting at the beginning of '
            'that epoch.'
        )
    elif old and old != new:
        before = done
        if done == old['steps'] or done == 0:
            done = min(done, 1) * steps
        elif old['images'] == new['images'] and old['samples'] and new['samples']:
            done = min(done * old['samples'] // new['samples'], steps)
            rest = (epoch * steps + done) % steps_per_update(runner.cfg)
            done -= rest if rest <= done else 0  # do not begin inside an update
        else:
            done = 0
        runner.logger.warning(
            f'{filename} was written after {before} of the {old["steps"]} '
            f'iterations of epoch {epoch}, but an epoch now has {steps}: the batch '
            'size, the lists or the number of processes changed. Resuming '
            + (f'after {done} of these.' if done else 'at the start of that epoch.')
        )
    meta['epoch'], meta['iter'] = epoch, epoch * steps + done


def skip_to_place(runner: Runner) -> None:
    """Let a resumed run continue its epoch with the next sample.

    No sample is loaded for that.

    Args:
        runner (Runner): Has just resumed; it trains over a
            :class:`mmsemi.datasets.SemiSampler` or another sampler with
            ``skip()``.
    """
    loop = runner.train_loop
    if not isinstance(loop, EpochBasedTrainLoop):
        return  # IterBasedTrainLoop skips by itself
    loader = loop.dataloader
    done = runner.iter - runner.epoch * len(loader)
    if done:  # or all of them, if only the validation is left
        loader.sampler.skip(done * loader.batch_size)


def check_left(runner: Runner, meta: dict, filename: str) -> None:
    """Log it if a resumed run has nothing left to train.

    Args:
        runner (Runner): It has built its train loop.
        meta (dict): ``meta`` of the checkpoint, after :func:`find_place`.
        filename (str): The checkpoint, for the message.

    Raises:
        ValueError: It has been trained for longer than the config says.
    """
    loop = runner.train_loop
    setting, end = 'max_iters', loop.max_iters
    if isinstance(loop, EpochBasedTrainLoop):
        setting, end = 'max_epochs', loop.max_epochs
    if meta['iter'] > loop.max_iters:
        raise ValueError(
            f'{filename} has been trained up to iteration {meta["iter"]}, '
            f'past the end of train_cfg.{setting}={end} (iteration '
            f'{loop.max_iters}). Raise {setting}, or resume from an earlier '
            'checkpoint with `--resume FILE`.'
        )
    if meta['iter'] == loop.max_iters:
        runner.logger.warning(
            f'This run is finished: {filename} was written at the end of '
            f'train_cfg.{setting}={end}, and nothing is left to train. To train '
            f'longer, raise {setting}; to start anew, choose another --work-dir.'
        )


def _candidates(work_dir: str) -> list[Path]:
    """List the checkpoints that are no best ones, newest first."""
    folders = {Path(work_dir)}
    pointer = Path(work_dir, 'last_checkpoint')
    if pointer.is_file():
        last = pointer.read_text(errors='replace').strip()
        if last and osp.isfile(last):
            folders.add(Path(last).parent)
    files = {
        file.resolve()
        for folder in folders
        for file in folder.glob('*.pth')
        if not file.name.startswith(('.', 'best_'))
    }
    return sorted(files, key=lambda file: file.stat().st_mtime_ns)[::-1]
