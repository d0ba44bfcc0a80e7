"""Keep an exponential moving average of the network as its teacher."""

import logging
from copy import deepcopy

from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.runner.amp import autocast
from mmengine.runner.checkpoint import weights_to_cpu

from mmsemi.registry import HOOKS, MODELS
from mmsemi.utils.compat import resumes_from
from mmsemi.utils.terminal import FILE_ONLY

from ..unwrap import student
from .guidance_hook import GuidanceHook

CHECKPOINT_KEY = 'ema_teacher'


def teacher_checkpoint(checkpoint: dict) -> dict:
    """Extract the teacher of a checkpoint as an ordinary checkpoint.

    Args:
        checkpoint (dict): Written by a run with :class:`EMATeacherHook`.

    Returns:
        dict: ``meta`` and the teacher's ``state_dict``, with the names of the
        student's.

    Raises:
        ValueError: The checkpoint has no teacher.
    """
    if CHECKPOINT_KEY not in checkpoint:
        raise ValueError(
            f'The checkpoint has {", ".join(checkpoint)}, but no {CHECKPOINT_KEY}: it '
            'was written without EMATeacherHook.'
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
    """Keep an exponential moving average of the network as its teacher.

    After update i (the first is 0) the teacher becomes
    ``decay * teacher + (1 - decay) * student`` with ``decay = min(1 - 1 /
    (i + 1), max_decay)``, as in `Mean teachers are better role models
    <https://arxiv.org/abs/1703.01780>`_: at first it is the mean of all
    states so far, after update 0 the student itself.  MMEngine's
    ``MomentumAnnealingEMA`` computes it.

    Floating-point buffers are averaged, too; integer ones are the student's.
    UniMatch V2's released trainer averages and truncates these as well, which
    ruins networks that keep indices in them.

    MMEngine's ``EMAHook`` validates and saves the average instead of the
    network; here the student remains the model that is validated and saved.
    The teacher is lent to methods that need it (``UniMatchV2``,
    ``FixMatch(guidance='ema')`` and others) and is saved in every checkpoint as
    ``ema_teacher``; ``tools/export_teacher.py`` makes it a checkpoint of its
    own.

    Args:
        max_decay (float): In (0, 1).  Defaults to 0.996.
        buffers (str): The teacher's BatchNorm statistics: 'average' (the
            default), averaged like parameters, or 'copy', the student's.
        warmup (bool): Whether the decay rises as above; otherwise it is
            ``max_decay`` from the first update on, which starts from a copy
            of the untrained student (CutMix-Seg).  Defaults to True.
        evaluate (bool): Validate the teacher as well; its scores are logged
            as ``teacher_mIoU`` and so on.  Defaults to False.

    Raises:
        ValueError: An argument is out of range.
    """

    # Before RuntimeInfoHook and all other hooks that read the scores.
    priority = 'HIGHEST'

    def __init__(
        self,
        max_decay: float = 0.996,
        buffers: str = 'average',
        evaluate: bool = False,
        warmup: bool = True,
    ) -> None:
        if not 0 < max_decay < 1:
            raise ValueError(f'max_decay={max_decay} must be in (0, 1).')
        if buffers not in ('average', 'copy'):
            raise ValueError(f"buffers={buffers!r} is neither 'average' nor 'copy'.")
        self.max_decay = max_decay
        self.buffers = buffers
        self.warmup = warmup
        self.evaluate = evaluate
        self._evaluator = None

    def before_run(self, runner: Runner) -> None:
        """Build the teacher and lend it."""
        annealing = dict(type='MomentumAnnealingEMA', gamma=1)
        self.average = MODELS.build(
            dict(
                annealing if self.warmup else dict(type='ExponentialMovingAverage'),
                model=student(runner),
                momentum=1 - self.max_decay,
                update_buffers=self.buffers == 'average',
            )
        )
        self.teacher = self.average.module.eval()
        self.lend(runner, 'ema', [self.teacher])

    def average_in_place(self) -> None:
        """Average the tensors that the teacher has now: they may be shards."""
        average, teacher = self.average, self.teacher
        average.avg_parameters = (
            teacher.state_dict()
            if average.update_buffers
            else dict(teacher.named_parameters())
        )

    def before_train(self, runner: Runner) -> None:
        """Copy the student's initial weights, unless the run is resumed."""
        super().before_train(runner)
        if not self.average.steps:
            self.teacher.load_state_dict(student(runner).state_dict())
            if not self.warmup:
                self.average.steps += 1  # MMEngine's first update is a copy
        if self.evaluate and runner.val_loop is not None:
            self._evaluator = deepcopy(runner.val_loop.evaluator)

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Update the teacher when the student was updated."""
        if runner.optim_wrapper.should_update():  # not while accumulating
            self.average.update_parameters(student(runner))
            if self.buffers == 'average':  # MMEngine leaves integers out
                buffers = self.teacher.buffers(), student(runner).buffers()
                for ours, theirs in zip(*buffers, strict=True):
                    if not ours.is_floating_point():
                        ours.copy_(theirs)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list | None = None,
    ) -> None:
        """Predict the student's batch with the teacher."""
        if self._evaluator is None:
            return
        with autocast(enabled=runner.val_loop.fp16):
            predictions = self.teacher.val_step(data_batch)
        self._evaluator.process(predictions, data_batch)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Add the teacher's scores to the student's."""
        if self._evaluator is None:
            return
        runner.logger.info('Scores of the EMA teacher:', extra=FILE_ONLY)
        scores = self._evaluator.evaluate(len(runner.val_dataloader.dataset))
        for key, value in scores.items():
            metrics[f'teacher_{key}'] = value

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the teacher."""
        checkpoint[CHECKPOINT_KEY] = weights_to_cpu(self.average.state_dict())

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the teacher of a checkpoint that the run resumes from."""
        if not resumes_from(runner):
            return
        state = checkpoint.pop(CHECKPOINT_KEY, None)
        if state is None:
            print_log(
                'The checkpoint was written without EMATeacherHook: the '
                'teacher starts as a copy of the student.',
                logger='current',
                level=logging.WARNING,
            )
            return
        self.average.load_state_dict(state)
