"""Kill a training that does nothing but save, again and again.

``python -m tests.stress.kill_saving FOLDER --kills 100`` sends SIGKILL 100
times, resumes after each, and counts the kills that leave no whole checkpoint.
``--stock`` saves with MMEngine's CheckpointHook, for comparison.  ``--fills
20`` fills the disk of FOLDER instead, up to too little space for a
checkpoint: use a small one (``mount -t tmpfs -o size=32m tmpfs FOLDER``).
"""

import argparse
import os
import random
import shutil
import signal
import time
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmsemi.engine import SemiRunner
from mmsemi.engine.runner.resuming import newest_whole_checkpoint
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import NO_ENVIRONMENT


class Weights(BaseModel):
    """Model with a single tensor."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.ones(size))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return dict(loss=(self.weights**2).mean())


class Rising(BaseMetric):
    """Give each validation a better score than the one before."""

    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results) -> dict:
        return dict(mIoU=time.time())


def saving_runner(folder, hook=None, stock=False, size=500_000, epochs=10**6):
    """Build a runner that saves the last and the best checkpoint every step."""

    class Model(Weights):
        def val_step(self, data):
            return [BaseDataElement()]

    data = torch.utils.data.DataLoader([dict(inputs=torch.ones(1))])
    checkpoint = dict(
        type='CheckpointHook' if stock else 'WholeCheckpointHook',
        interval=1,
        max_keep_ckpts=1,
        save_best='mIoU',
        rule='greater',
    )
    with NO_ENVIRONMENT:
        return (Runner if stock else SemiRunner)(
            model=Model(size),
            work_dir=str(folder),
            train_dataloader=data,
            val_dataloader=data,
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            val_cfg=dict(),
            val_evaluator=[Rising()],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3, momentum=0.9)),
            cfg=dict(rehearse=False),  # every checkpoint counts
            default_hooks=dict(logger=None, checkpoint=checkpoint),
            custom_hooks=[hook] if hook else [],
            default_scope='mmsemi',
            log_level='ERROR',
            resume=True,
            visualizer=dict(type='Visualizer', vis_backends=[]),
            experiment_name=f'saving_{os.getpid()}',
        )


def fork(folder: Path, **kwargs) -> int:
    """Train in a child process; return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with open(folder / 'output.txt', 'a') as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        saving_runner(folder / 'work', **kwargs).train()
        code = 0
    except BaseException as error:
        os.write(2, f'{type(error).__name__}: {error}\n'.encode())
    finally:
        os._exit(code)


def kill_once(folder: Path, delay: float, stock: bool = False) -> bool:
    """Train, kill the training, and check what is left.

    Returns:
        bool: Whether a file was half written when the run was killed.

    Raises:
        AssertionError: A checkpoint is damaged, or none is left.
    """
    work = folder / 'work'
    pointer = work / 'last_checkpoint'
    before = pointer.stat().st_mtime_ns if pointer.exists() else 0
    pid = fork(folder, stock=stock)
    while not pointer.exists() or pointer.stat().st_mtime_ns == before:
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), 'the training ended'
        time.sleep(0.01)
    time.sleep(delay)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    parts = list(work.glob('.*.part'))
    for file in work.glob('*.pth'):
        read_checkpoint(file)  # raises if it is not whole
    newest = newest_whole_checkpoint(str(work))
    assert newest, 'no checkpoint is left'
    assert Path(pointer.read_text()).name.startswith('epoch_')
    assert list(work.glob('best_*.pth')), 'no best checkpoint is left'
    files = sorted(file.name for file in work.glob('*.pth'))
    assert len(files) <= 4, f'too many files: {files}'  # two old, two new
    return bool(parts)


def fill_once(folder: Path, room: int) -> None:
    """Train on a disk with ``room`` bytes left, and check what is left.

    Raises:
        AssertionError: The training does not end with an error, a checkpoint
            is damaged, or none is left.
    """
    work, ballast = folder / 'work', folder / 'ballast'
    if not work.exists():
        saving_runner(work, epochs=1).train()
    with ballast.open('wb') as file:
        free = shutil.disk_usage(folder).free - room
        while free > 0:
            free -= file.write(bytes(min(free, 2**20)))
    pid = fork(folder)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    ballast.unlink()
    assert code == 1, f'the training ended with {code}'
    assert not list(work.glob('.*.part')), 'a half-written file is left'
    for file in work.glob('*.pth'):
        read_checkpoint(file)
    assert newest_whole_checkpoint(str(work)), 'no checkpoint is left'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--kills', type=int, default=100)
    parser.add_argument('--fills', type=int, default=0)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--stock', action='store_true')
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rng = random.Random(args.seed)
    for _ in range(args.fills):
        fill_once(args.folder, rng.randrange(5_000_000))
    if args.fills:
        print(f'{args.fills} full disks, each left a whole checkpoint.')
        return
    halves = failures = 0
    for _ in range(args.kills):
        try:
            halves += kill_once(args.folder, rng.uniform(0, 0.3), args.stock)
        except (AssertionError, ValueError) as error:
            failures += 1
            print(f'Failed: {error}'[:200], flush=True)
            for file in (args.folder / 'work').glob('*'):
                if file.is_file():
                    file.unlink()
    work = args.folder / 'work'
    newest = newest_whole_checkpoint(str(work))
    print(
        f'{args.kills} kills, {halves} of them inside a file, '
        f'{failures} left no whole checkpoint; the newest is {newest}.'
    )


if __name__ == '__main__':
    main()
