"""Trainings that a command starts in processes of its own: their config, their end."""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import make_tiny_data
from tests.helpers.tools import ROOT
from tests.stress.processes import config

EPOCHS, STEPS = 15, 2


@HOOKS.register_module(force=True)
class Slow(Hook):
    """Let a step take some time, as those of real networks do, at no cost.

    Args:
        seconds (float): How long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        time.sleep(self.seconds)


def write_config(folder: Path, seconds: float = 0.3) -> Path:
    """Write a training of UniMatch on tiny images, which one process can repeat.

    In float64, without random draws, and with a network that normalizes each image
    alone, as ``test_processes.py`` says.

    Args:
        folder (Path): For the images and the config.
        seconds (float): How long a step takes at least.

    Returns:
        Path: The config.
    """
    make_tiny_data(folder / 'data', unlabeled_rows=0)
    cfg = config(
        'unimatch',
        folder / 'data',
        folder / 'unused',
        custom_hooks=[dict(type='Slow', seconds=seconds)],
        custom_imports=dict(imports=['tests.stress.exactly', __name__]),
        train_cfg=dict(max_epochs=EPOCHS, val_interval=5),
    )
    cfg.default_hooks.checkpoint.interval = 1
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    cfg.default_hooks.logger.interval = 10
    for name in ('launcher', 'work_dir'):
        cfg.pop(name)
    file = folder / 'slowly.py'
    cfg.dump(file)
    return file


def environment() -> dict[str, str]:
    """Return what the environment of such a command needs."""
    return dict(CUDA_VISIBLE_DEVICES='-1', OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT))


def until(done: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait for something.

    Raises:
        TimeoutError: It did not happen.
    """
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f'{what}: not within {seconds:.0f} s')
        time.sleep(0.1)


def steps_done(work_dir: Path) -> int:
    """Return the step of the newest checkpoint of a run, 0 if there is none."""
    numbers = [int(file.stem[5:]) for file in work_dir.glob('iter_*.pth')]
    return max(numbers, default=0)


def as_one(one: Path, several: Path) -> str:
    """Compare a run with that of one process; return what differs, or ''.

    Equal are, up to rounding in float64, the losses of all steps, as far as the run
    was not interrupted, and the weights at the end.
    """
    last = f'iter_{EPOCHS * STEPS}.pth'
    ours, theirs = (_weights(folder / last) for folder in (several, one))
    error = torch.cat([(ours[n] - theirs[n]).flatten() for n in theirs]).norm()
    norm = torch.cat([each.flatten() for each in theirs.values()]).norm()
    if not error <= 1e-9 * norm:
        return f'weights differ by {error:.1e} of {norm:.1e}'
    single = json.loads((one / 'losses_0.json').read_text())
    both = [json.loads(f.read_text()) for f in sorted(several.glob('losses_*.json'))]
    if len(both) < 2 or not len(single) == len(both[0]) == len(both[1]) > 1:
        return 'not as many losses'
    for number, step in enumerate(single):
        for name, value in step.items():
            mean = sum(each[number][name] for each in both) / len(both)
            if abs(mean - value) > 1e-9 * abs(value):
                return f'{name} of step {number + 1}: {mean} and {value}'
    return ''


def _weights(file: Path) -> dict[str, torch.Tensor]:
    state = read_checkpoint(file)['state_dict']
    return {name: tensor.double() for name, tensor in state.items()}


def folder_and_choice(description: str) -> tuple[Path, list[str] | None]:
    """Read the command line of a script of trials; make its folder."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('folder', type=Path)
    parser.add_argument(
        '--only', nargs='+', help='names of trials; the first is needed'
    )
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True)
    for each in (signal.SIGINT, signal.SIGTERM):  # which take everything away, too
        signal.signal(each, lambda *_: sys.exit(1))
    return folder, args.only


def run_trials(
    trials: Sequence[Callable[[], str]],
    only: Sequence[str] | None,
    clear: Callable[[], None] = lambda: None,
) -> int:
    """Run trials and print what each found wrong, '' for nothing.

    Args:
        trials: Their docstrings say what is tried.
        only: Names of those to run; None for all.
        clear: Called after each.

    Returns:
        int: 1 if anything was wrong.
    """
    wrong = 0
    for trial in trials:
        if only and trial.__name__ not in only:
            continue
        begun = time.monotonic()
        print(trial.__doc__, flush=True)
        try:
            found = trial()
        except (AssertionError, TimeoutError, subprocess.TimeoutExpired) as error:
            found = str(error)
        finally:
            clear()
        wrong += bool(found)
        took = time.monotonic() - begun
        print(f'  {found or "as it should be"} ({took:.0f} s)', flush=True)
    return int(bool(wrong))
