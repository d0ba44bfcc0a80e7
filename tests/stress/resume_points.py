"""Kill trainings at points of every kind, resume them, and compare.

``python -m tests.stress.resume_points FOLDER`` trains every method on tiny
images: once uninterrupted, and once for each of ``POINTS``, at which SIGKILL
(or SIGTERM) ends it before it is resumed.  Prints for each point whether both
ended bit-identical, and exits with 1 if one did not.
"""

import argparse
import gc
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS, RUNNERS
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import (
    METHODS,
    NO_ENVIRONMENT,
    STAGES,
    make_config,
    make_tiny_data,
)

# What must be equal in two checkpoints.
PARTS = (
    'state_dict',
    'optimizer',
    'param_schedulers',
    'ema_teacher',
    'previous_models',
)
OFTEN = {'default_hooks.checkpoint.by_epoch': False}


@HOOKS.register_module(force=True)
class EndAt(Hook):
    """End the run at the n-th call of a hook point.

    Has the lowest priority, so that the other hooks have done their work.

    Args:
        point (str): Name of a method of ``Hook``.
        time (int): n.
        stage (str): The stage of self-training to end; others go on.
        signal (int, optional): Sent to this process.  Without it,
            KeyboardInterrupt is raised.
        rank (int): The process to end.
    """

    priority = 'LOWEST'

    def __init__(self, point, time, stage='', signal=None, rank=0):
        self.left = time
        self.stage = stage
        self.signal = signal
        self.rank = rank
        setattr(self, point, self.tick)

    def tick(self, runner, **kwargs):
        self.left -= runner.work_dir.endswith(self.stage)
        if self.left or runner.rank != self.rank:
            return
        if self.signal is None:
            raise KeyboardInterrupt
        os.kill(os.getpid(), self.signal)


class Point(NamedTuple):
    """The place where a run is ended, and how it is resumed.

    Attributes:
        point (str): As in :class:`EndAt`.
        time (int): As in :class:`EndAt`; epochs have 2 steps (3 in the first
            stage of self-training), validations 3 images.
        often (bool): Save a checkpoint after every step, not every epoch.
        workers (int): Loader workers of the resumed run; the first has none.
        signal (int): Ends the run.
        rehearse (bool): Rehearse the resumed run, and not the first.
    """

    point: str
    time: int
    often: bool = True
    workers: int = 0
    signal: int = signal.SIGKILL
    rehearse: bool = False


POINTS = {
    'first step': Point('after_train_iter', 1),
    'inside an epoch': Point('after_train_iter', 3),
    'inside a step': Point('before_train_iter', 4),
    'inside an epoch, since lost': Point('after_train_iter', 3, often=False),
    'saving': Point('before_save_checkpoint', 3),
    'end of an epoch': Point('after_train_epoch', 2),
    'begin of an epoch': Point('before_train_epoch', 3, often=False),
    'inside a validation': Point('after_val_iter', 5),
    'inside a validation, by epochs': Point(
        'after_val_iter', 5, often=False, rehearse=True
    ),
    'after a validation': Point('after_val_epoch', 2, often=False),
    'inside the last validation': Point('after_val_iter', 8, often=False),
    'after the last step': Point('after_train_epoch', 3, often=False),
    'then 2 workers': Point('after_train_iter', 3, workers=2, rehearse=True),
    'SIGTERM in a step': Point(
        'before_train_iter', 3, often=False, signal=signal.SIGTERM
    ),
    'SIGTERM in a validation': Point(
        'before_val_iter', 5, often=False, signal=signal.SIGTERM
    ),
}


def differences(whole: Path, resumed: Path) -> list[str]:
    """List the files of an uninterrupted run that a resumed run lacks or differs in.

    Args:
        whole (Path): Work dir of the uninterrupted run.
        resumed (Path): Work dir of the resumed run.
    """
    differing = []
    for file in sorted(whole.rglob('*')):
        name = file.relative_to(whole)
        if file.suffix not in ('.pth', '.png', '.csv') and name.name != 'results.json':
            continue
        if 'vis_data' in name.parts:  # in a folder that is named by the time
            continue
        if not (resumed / name).is_file():
            differing.append(f'{name} is missing')
        elif file.suffix != '.pth':
            if file.read_bytes() != (resumed / name).read_bytes():
                differing.append(str(name))
        else:
            ours, theirs = map(read_checkpoint, (resumed / name, file))
            differing += [
                f'{name}: {part}'
                for part in PARTS
                if not _equal(ours.get(part), theirs.get(part))
            ]
    return differing or ([] if list(whole.rglob('*.pth')) else ['nothing'])


def _equal(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_equal, a, b))
    return a == b


def train(method: str, data_root: Path, work_dir: Path, **changes) -> None:
    """Train a tiny network; arguments as in :func:`make_config`."""
    RUNNERS.build(make_config(method, data_root, work_dir, **changes)).train()


def fork(function: Callable, *args, output: Path, **kwargs) -> int:
    """Run a function in a child process; return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with open(output, 'a') as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        function(*args, **kwargs)
        code = 0
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """Wait for a child; return its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def try_point(method: str, point: Point, data_root: Path, folder: Path) -> list[str]:
    """Kill, resume and compare a training; return the differences."""
    changes = OFTEN if point.often else {}
    whole = folder / f'whole_{"often" if point.often else "epochs"}'
    output = folder / 'output.txt'

    def run(work_dir, **more):
        return ended(
            fork(train, method, data_root, work_dir, output=output, **changes, **more)
        )

    if not whole.exists() and run(whole) != 0:
        return [f'the whole run failed: see {output}']
    work_dir = folder / 'killed'
    shutil.rmtree(work_dir, ignore_errors=True)
    hook = dict(
        type='EndAt',
        point=point.point,
        time=point.time,
        stage=STAGES[method][-1] if method in STAGES else '',
        signal=int(point.signal),
    )
    expected = 143 if point.signal == signal.SIGTERM else -point.signal
    code = run(work_dir, custom_hooks=[hook])
    if code != expected:
        return [f'ended with {code} instead of {expected}: see {output}']
    code = run(
        work_dir,
        resume=True,
        rehearse=point.rehearse,
        **{'train_dataloader.num_workers': point.workers},
    )
    if code != 0:
        return [f'the resumed run ended with {code}: see {output}']
    return differences(whole, work_dir)


def prepare() -> None:
    """Switch off what takes time and does not matter here."""
    os.environ['CUDA_VISIBLE_DEVICES'] = '-1'
    torch.set_num_threads(1)
    NO_ENVIRONMENT.start()
    mock.patch(
        'yapf.yapflib.yapf_api.FormatCode', lambda code, **kwargs: (code, False)
    ).start()
    gc.freeze()  # there are many collections


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--methods', nargs='+', default=METHODS)
    parser.add_argument('--points', nargs='+', default=list(POINTS))
    args = parser.parse_args()
    prepare()
    make_tiny_data(args.folder / 'data')
    found: dict[str, list[bool]] = {}
    for name in args.points:
        for method in args.methods:
            folder = args.folder / method
            folder.mkdir(exist_ok=True)
            start = time.time()
            differing = try_point(method, POINTS[name], args.folder / 'data', folder)
            found.setdefault(name, []).append(not differing)
            print(
                f'{name:32} {method:14} '
                f'{", ".join(differing) or "bit-identical"} '
                f'({time.time() - start:.0f} s)',
                flush=True,
            )
    same = sum(map(sum, found.values()))
    total = sum(map(len, found.values()))
    print(
        f'{len(args.methods)} methods x {len(args.points)} points: {same} '
        f'of {total} bit-identical.'
    )
    return int(same != total)


if __name__ == '__main__':
    sys.exit(main())
