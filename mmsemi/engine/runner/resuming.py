"""Find the checkpoint that a run resumes from, and its place in the epoch."""

import logging
import os.path as osp
from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsemi.utils.checkpoint import read_checkpoint
from mmsemi.utils.compat import move_to_iter

RESUMABLE = {'meta', 'state_dict', 'message_hub'}


def newest_whole_checkpoint(work_dir: str) -> str | None:
    """Find the newest checkpoint of a work dir that is not damaged.

    Newest is by time of writing, whatever ``last_checkpoint`` says: a kill may
    have come before that file was updated.  The folder that it names is
    searched too.  Best checkpoints, which lack the optimiser, are left out.

    Returns:
        str, optional: None where there are no checkpoints at all.

    Raises:
        ValueError: There are checkpoints, and all are damaged.
    """
    damaged = []
    for file in _candidates(work_dir):
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


def find_place_in_epoch(runner: Runner, filename: str) -> None:
    """Let a resumed run continue its epoch with the next sample.

    Nothing is loaded to get there.  Where the saved step lies outside the
    saved epoch, as the length of an epoch has changed, that epoch starts over.

    Args:
        runner (Runner): Has just loaded the checkpoint; it trains by epochs,
            over a :class:`mmsemi.datasets.SemiSampler` or another sampler with
            ``skip()``.
        filename (str): The checkpoint, for the log.
    """
    loop = runner.train_loop
    if not isinstance(loop, EpochBasedTrainLoop):
        return  # IterBasedTrainLoop skips by itself
    loader = loop.dataloader
    start = runner.epoch * len(loader)
    done = runner.iter - start
    if not 0 <= done <= len(loader):
        runner.logger.warning(
            f'{filename} was written at iteration {runner.iter} of epoch '
            f'{runner.epoch}, but an epoch now has {len(loader)} iterations: '
            'the batch size, the lists or the number of processes changed. '
            'Starting at the beginning of that epoch.'
        )
        move_to_iter(loop, start)
    elif done:  # all of them, where only the validation is left
        loader.sampler.skip(done * loader.batch_size)


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
