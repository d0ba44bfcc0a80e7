"""An average of the network in training, as its teacher."""

import logging
from copy import deepcopy

from mmengine.logging import print_log
from mmengine.runner.amp import autocast
from mmengine.runner.checkpoint import weights_to_cpu

from mmsemi.registry import HOOKS, MODELS

from .guidance_hook import GuidanceHook, student

CHECKPOINT_KEY = 'ema_teacher'


def teacher_checkpoint(checkpoint: dict) -> dict:
    """The teacher of a checkpoint, as an ordinary checkpoint of its own.

    Args:
        checkpoint (dict): Written by a run with :class:`EMATeacherHook`.

    Returns:
        dict: ``meta`` and the teacher's ``state_dict`` under the names of
        the network that it is an average of.

    Raises:
        ValueError: There is no teacher.
    """
    if CHECKPOINT_KEY not in checkpoint:
        raise ValueError(
            f'The checkpoint holds {", ".join(checkpoint)}, but no '
            f'{CHECKPOINT_KEY}: it was written without EMATeacherHook.'
        )
    return dict(
        meta=checkpoint['meta'],
        state_dict={
            name.removeprefix('module.'): tensor
            for name, tensor in checkpoint[CHECKPOINT_KEY].items()
            if name.startswith('module.')
        },
    )


@HOOKS.register_module()
class EMATeacherHook(GuidanceHook):
    """Keeps an exponential moving average of the network beside it.

    After update i (the first is 0) the teacher becomes
    ``decay * teacher + (1 - decay) * student`` with ``decay = min(1 - 1 /
    (i + 1), max)``, as in `Mean teachers are better role models
    <https://arxiv.org/abs/1703.01780>`_: a true mean of the states in the
    beginning, and first of all the student itself.  MMEngine's
    ``MomentumAnnealingEMA`` computes it.

    Unlike MMEngine's ``EMAHook``, which puts the average in the network's
    place for validation and in its checkpoints, the student stays the model
    that is validated and saved.  The teacher is lent to methods that ask for
    it (``PrevMatch(guidance='ema')``), is part of every checkpoint under
    ``ema_teacher``, and becomes a checkpoint of its own by
    ``tools/export_teacher.py``.

    Args:
        max_decay (float): In (0, 1).  Defaults to 0.996.
        buffers (str): What becomes of BatchNorm's statistics: 'average',
            as of the parameters, or 'copy', the student's.
        evaluate (bool): Validate the teacher beside the student; its scores
            are logged as ``teacher_mIoU`` and so on.  Defaults to False.

    Raises:
        ValueError: An argument is out of range.
    """

    # Before RuntimeInfoHook and whoever else reads the scores.
    priority = 'HIGHEST'

    def __init__(
        self, max_decay: float = 0.996, buffers: str = 'average', evaluate: bool = False
    ) -> None:
        if not 0 < max_decay < 1:
            raise ValueError(f'max_decay={max_decay} must be in (0, 1).')
        if buffers not in ('average', 'copy'):
            raise ValueError(f"buffers={buffers!r} is neither 'average' nor 'copy'.")
        self.max_decay = max_decay
        self.buffers = buffers
        self.evaluate = evaluate
        self._evaluator = None

    def before_run(self, runner) -> None:
        self.average = MODELS.build(
            dict(
                type='MomentumAnnealingEMA',
                model=student(runner),
                momentum=1 - self.max_decay,
                gamma=1,
                update_buffers=self.buffers == 'average',
            )
        )
        self.teacher = self.average.module.eval()
        self.lend(runner, 'ema', [self.teacher])

    def before_train(self, runner) -> None:
        """Start from the student, wherever it starts from."""
        super().before_train(runner)
        if not self.average.steps:
            self.teacher.load_state_dict(student(runner).state_dict())
        if self.evaluate and runner.val_loop is not None:
            self._evaluator = deepcopy(runner.val_loop.evaluator)

    def after_train_iter(
        self,
        runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        if runner.optim_wrapper.should_update():  # not while it accumulates
            self.average.update_parameters(student(runner))

    def after_val_iter(
        self,
        runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list | None = None,
    ) -> None:
        """Let the teacher predict what the student just has."""
        if self._evaluator is None:
            return
        with autocast(enabled=runner.val_loop.fp16):
            predictions = self.teacher.val_step(data_batch)
        self._evaluator.process(predictions, data_batch)

    def after_val_epoch(self, runner, metrics: dict[str, float]) -> None:
        """Add the teacher's scores to the student's."""
        if self._evaluator is None:
            return
        runner.logger.info('Scores of the EMA teacher:')
        scores = self._evaluator.evaluate(len(runner.val_dataloader.dataset))
        for key, value in scores.items():
            metrics[f'teacher_{key}'] = value

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint[CHECKPOINT_KEY] = weights_to_cpu(self.average.state_dict())

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        state = checkpoint.pop(CHECKPOINT_KEY, None)
        if state is None:
            print_log(
                'The checkpoint was written without EMATeacherHook: the '
                'teacher begins as a copy of the student.',
                logger='current',
                level=logging.WARNING,
            )
            return
        self.average.load_state_dict(state)
