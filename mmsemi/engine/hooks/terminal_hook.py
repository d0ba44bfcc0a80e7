"""Tell on the terminal what a run does, how far it is, and what came out."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmsemi.evaluation import score_table, scores_of_all
from mmsemi.registry import HOOKS
from mmsemi.utils.progress import Job, in_words
from mmsemi.utils.terminal import say, say_rows

from ..summary import describe_places, describe_test, describe_training
from .best_score import best_score

NOTE = 1.0  # seconds between two updates of the values
WINDOW = 10  # steps that losses are averaged over, as in the log


@HOOKS.register_module()
class TerminalHook(Hook):
    """Tell on the terminal what a run does, how far it is, and what came out.

    Before training: what is trained on what, and for how many steps.  After the
    first steps: how long it will take.  Meanwhile: a progress bar with the
    losses, the other values that the method logs and the learning rate.
    Where there is no terminal: a line every 30 seconds.  After a validation:
    the scores of every class.  At the end: where everything lies.  The log file
    has all of it and more (:mod:`mmsemi.utils.terminal`).

    Values are those that MMEngine has brought to the CPU already: no step waits
    for the device.

    Args:
        first (Sequence[int]): Steps of this process, from 1, that have a line
            of their own where there is no terminal.  After the last of them, the
            length of the training is estimated.  Defaults to (1, 10).
        stage (bool): The training is a stage of a longer one, whose end names the
            next command.  Defaults to False.
    """

    priority = 'LOW'

    def __init__(self, first: Sequence[int] = (1, 10), stage: bool = False) -> None:
        self.first = tuple(first)
        self.stage = stage
        self._job: Job | None = None
        self._noted = 0.0
        self._start = self._began = 0

    # Training

    def before_train(self, runner: Runner) -> None:
        """Describe the training."""
        self._start, self._began = runner.iter, time.monotonic()
        if is_main_process():
            say_rows(describe_training(runner))

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Open a bar, at the start and after a validation."""
        if self._job is None:
            self._open(_title(runner), runner.max_iters, runner.iter)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Move the bar on; renew its values every second."""
        if not is_main_process():
            return
        job, step, now = self._job, runner.iter + 1 - self._start, time.monotonic()
        if step in self.first or now - self._noted >= NOTE:
            self._noted = now
            eta = runner.message_hub.runtime_info.get('eta')
            job.note(_values(runner), eta, _title(runner))
        job.advance()
        if step in self.first:
            job.line()
        if step == max(self.first, default=0):
            self._estimate(runner, step)

    def _estimate(self, runner: Runner, steps: int) -> None:
        """Say how long the training will take, by all steps but the first."""
        if 'train/time' not in runner.message_hub.log_scalars:
            return
        history = runner.message_hub.get_scalar('train/time')
        each = history.mean(max(steps - 1, 1))
        left = runner.max_iters - runner.iter - 1
        say(
            f'A step takes {each:.2f} s: {in_words(each * left)} for the {left} that '
            'follow, and the validations.'
        )

    def after_train(self, runner: Runner) -> None:
        """Remove the bar."""
        self._close()

    def after_run(self, runner: Runner) -> None:
        """Say where everything lies."""
        self._close()
        if self._began and is_main_process():
            took = in_words(time.monotonic() - self._began)
            say(f'Trained for {took}.')
            say_rows(describe_places(runner, with_next=not self.stage))
        self._began = 0  # a test may follow

    # Validation and test

    def before_val(self, runner: Runner) -> None:
        """Open a bar for the validation."""
        self._open('validating', len(runner.val_dataloader))

    def after_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Move the bar on."""
        self._job.advance()

    def after_val_epoch(
        self, runner: Runner, metrics: Mapping[str, Any] | None = None
    ) -> None:
        """Show the scores."""
        self._close()
        when = ''
        if self._began:
            by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
            when = f' after {_place(runner, by_iter)}'
        self._show(f'Validation{when}', metrics, best_score(runner)[0])

    def before_test(self, runner: Runner) -> None:
        """Open a bar for the test."""
        self._open('testing', len(runner.test_dataloader))

    def after_test_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Move the bar on."""
        self._job.advance()

    def after_test_epoch(
        self, runner: Runner, metrics: Mapping[str, Any] | None = None
    ) -> None:
        """Show the scores."""
        self._close()
        self._show('Test', metrics, best_score(runner)[0])
        if is_main_process():
            say_rows(describe_test(runner))

    def _open(self, title: str, total: int, done: int = 0) -> None:
        self._close()
        self._job = Job(title, total, done, show=is_main_process())

    def _close(self) -> None:
        if self._job is not None:
            self._job.close()
            self._job = None

    @staticmethod
    def _show(title: str, metrics: Mapping[str, Any] | None, first: str) -> None:
        """Print scores, the one that chooses checkpoints first."""
        if not metrics or not is_main_process():
            return
        scores = scores_of_all(metrics)
        names = sorted(scores, key=lambda name: name != first)
        say(f'{title}: ' + ', '.join(f'{n} {scores[n]:.2f}' for n in names))
        if (table := score_table(metrics)) is not None:
            say(table)


def _place(runner: Runner, by_iter: bool) -> str:
    return f'step {runner.iter}' if by_iter else f'epoch {runner.epoch}'


def _title(runner: Runner) -> str:
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        return 'training'
    return f'training, epoch {runner.epoch + 1}/{runner.max_epochs}, step'


def _values(runner: Runner) -> str:
    """Return the values of a step in one line: loss and its parts, others, lr."""
    values = {}
    for name, history in runner.message_hub.log_scalars.items():
        key = name.removeprefix('train/')
        if key == name or key in ('time', 'data_time', 'corrupt_files'):
            continue
        values[key] = history.mean(WINDOW) if 'loss' in key else history.current()
    rates = {key: values.pop(key) for key in list(values) if key.endswith('lr')}
    ordered = sorted(values, key=lambda k: (not k.startswith('loss'), k != 'loss'))
    texts = [f'{key} {values[key]:.4g}' for key in ordered]
    if 'lr' in rates:
        texts.append(f'lr {rates["lr"]:.2g}')
    return '  '.join(texts)
