"""Warn about problems of a training that raise no error."""

import math
from collections import Counter

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.nn.utils import get_total_norm

from mmsemi.registry import HOOKS
from mmsemi.utils.invocation import command
from mmsemi.utils.text import some

from ..unwrap import student
from .best_score import best_score
from .ema_teacher_hook import EMATeacherHook
from .non_finite_hook import NonFiniteHook


@HOOKS.register_module()
class HealthHook(Hook):
    """Warn about problems of a training that raise no error, and say what helps.

    Every ``interval`` steps the hook checks the log for the method's
    ``symptoms`` (see :class:`mmsemi.models.SemiSegmentor`) and for other loss
    terms that are exactly 0, whether the pseudo-labels are of one class, and
    whether an EMA teacher is identical to its student or far from it.  Once
    ``patience`` checks and a quarter of the training are done, it names the
    classes that were never confident in the pseudo-labels.  After
    each validation it checks whether a class of the masks is never predicted,
    and whether the score is far below its best.  A finding is reported once,
    when it was made at ``patience`` checks in a row; a score at once.

    Scalars: ``train/pseudo_classes``, ``train/teacher_distance`` (of the
    weights, relative to the student's), ``val/unpredicted_classes`` and
    ``val/share_of_best``.

    Losses that are not finite are the task of :class:`NonFiniteHook`, which
    this hook adds to a run that has none.

    Args:
        interval (int): Steps between two checks.  Defaults to 50.
        patience (int): Checks in a row.  Defaults to 10.
        skip_nonfinite (int): ``max_skipped`` of the :class:`NonFiniteHook`
            that is added.  Defaults to 0.
        far (float): Distance above which a teacher is far.  Defaults to 0.5.
        drop (float): Share of the best score below which a score is far below
            it.  Defaults to 0.5.
        key (str, optional): The score to watch, larger is better.  Defaults to
            None: the one that chooses the best checkpoint, unless less is
            better.
    """

    # After RuntimeInfoHook, which logs the losses; before LoggerHook.
    priority = 'ABOVE_NORMAL'

    def __init__(
        self,
        interval: int = 50,
        patience: int = 10,
        skip_nonfinite: int = 0,
        far: float = 0.5,
        drop: float = 0.5,
        key: str | None = None,
    ) -> None:
        self.interval = interval
        self.patience = patience
        self.skip_nonfinite = skip_nonfinite
        self.far = far
        self.drop = drop
        self.key = key
        self._in_a_row: Counter[str] = Counter()
        self._best = -math.inf
        # Pixels of each class that were predicted, and confident; checks so far.
        self._labels: Tensor | int = 0
        self._checks = 0
        self._silent: set[int] = set()

    def before_run(self, runner: Runner) -> None:
        """Add a :class:`NonFiniteHook` unless the config has one.

        Raises:
            ValueError: It has, and ``skip_nonfinite`` is set as well.
        """
        if not any(isinstance(hook, NonFiniteHook) for hook in runner.hooks):
            runner.register_hook(NonFiniteHook(self.skip_nonfinite))
        elif self.skip_nonfinite:
            raise ValueError(
                f'HealthHook.skip_nonfinite={self.skip_nonfinite} has no effect on '
                'the NonFiniteHook of the config: set its max_skipped instead.'
            )

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Check the log, the pseudo-labels and the teacher."""
        if self.every_n_train_iters(runner, self.interval):
            self._check_log(runner)
            self._check_labels(runner, data_batch)
            self._check_teacher(runner)

    def _check_log(self, runner: Runner) -> None:
        log = {
            key.removeprefix('train/'): float(values.current())
            for key, values in runner.message_hub.log_scalars.items()
            if key.startswith('train/')
        }
        symptoms = getattr(student(runner), 'symptoms', ())
        for symptom in symptoms:
            idle = symptom.scale and not log.get(symptom.scale)
            self._judge(
                runner,
                log.get(symptom.name) == symptom.value and not idle,
                symptom.warning,
            )
        # If no pixel is confident, most terms are 0: only that is reported.
        without_pixels = log.get('mask_ratio') == 0
        known = {symptom.name for symptom in symptoms}
        for name in log:
            if name.startswith('loss_') and name not in known and not without_pixels:
                self._judge(
                    runner,
                    log[name] == 0,
                    f'{name} is exactly 0 and has no effect: raise its weight, '
                    'or train without it.',
                )

    def _check_labels(self, runner: Runner, data_batch: dict | None) -> None:
        model = student(runner)
        if not data_batch or 'unlabeled' not in data_batch:
            return
        stream = model.data_preprocessor(dict(unlabeled=data_batch['unlabeled']), True)[
            'inputs'
        ]
        label, kept = model.kept_labels(stream['unlabeled'])
        classes = label.label[label.valid].unique().numel()
        runner.message_hub.update_scalar('train/pseudo_classes', classes)
        self._check_confidence(runner, label.label, label.valid, kept)
        self._judge(
            runner,
            classes == 1,
            'The pseudo-labels are of one class alone: the network has collapsed. '
            'Lower the learning rate, or start from pretrained weights.',
        )

    def _check_confidence(
        self, runner: Runner, label: Tensor, valid: Tensor, kept: Tensor
    ) -> None:
        """Warn once of classes that were never confident since the run started."""
        names = runner.train_dataloader.dataset.metainfo['classes']
        counts = torch.stack(
            [label[where].bincount(minlength=len(names)) for where in (valid, kept)]
        )[:, : len(names)]
        all_reduce(counts)
        self._labels = self._labels + counts
        self._checks += 1
        seen = self._checks * self.interval
        if self._checks < self.patience or 4 * seen < runner.max_iters:
            return
        predicted, confident = self._labels.tolist()
        silent = [i for i in range(len(names)) if not confident[i]]
        silent = [i for i in silent if i not in self._silent]
        if not any(confident) or not silent:
            return  # if no pixel is confident at all, `symptoms` has the cure
        self._silent.update(silent)
        unsure = [repr(names[i]) for i in silent if predicted[i]]
        absent = [repr(names[i]) for i in silent if not predicted[i]]
        if unsure:
            runner.logger.warning(
                f'Never confident in {seen} steps, so that only labeled images teach '
                f'them: {some(unsure, 10)}. Lower '
                f'{student(runner).thresh_setting}, or raise their weight '
                'in model.decode_head.loss_decode.class_weight.'
            )
        if absent:
            runner.logger.warning(
                f'No pseudo-label in {seen} steps is of these classes: '
                f'{some(absent, 10)}. Check that the labeled list contains them, and '
                'raise their weight in model.decode_head.loss_decode.class_weight.'
            )

    def _check_teacher(self, runner: Runner) -> None:
        for hook in runner.hooks:
            if not isinstance(hook, EMATeacherHook):
                continue
            own = [p.detach() for p in student(runner).parameters()]
            teacher = hook.teacher.parameters()
            distance = float(
                get_total_norm([a - b for a, b in zip(own, teacher, strict=True)])
                / get_total_norm(own).clamp(min=1e-12)
            )
            runner.message_hub.update_scalar('train/teacher_distance', distance)
            self._judge(
                runner,
                distance == 0,
                'The EMA teacher is identical to its student: raise its max_decay.',
            )
            self._judge(
                runner,
                distance > self.far,
                f'The EMA teacher is far from its student (more than {self.far} of '
                'its weights): lower its max_decay or the learning rate.',
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the classes of the last validation."""
        # Indices of a mask are below 256.
        device = next(student(runner).parameters()).device
        self._present, self._predicted = torch.zeros(
            2, 256, dtype=torch.int, device=device
        )

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list | None = None,
    ) -> None:
        """Note the classes of the masks and of the predictions."""
        for sample in outputs or ():
            if 'gt_sem_seg' not in sample or 'pred_sem_seg' not in sample:
                continue
            for seen, mask in (
                (self._present, sample.gt_sem_seg.data),
                (self._predicted, sample.pred_sem_seg.data),
            ):
                seen[mask.to(seen.device).long().clamp(0, 255)] = 1

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Check the predicted classes and the score."""
        self._check_classes(runner)
        key, rule = (self.key, 'greater') if self.key else best_score(runner)
        if key in metrics and rule == 'greater':
            self._check_score(runner, key, float(metrics[key]))

    def _check_classes(self, runner: Runner) -> None:
        for seen in (self._present, self._predicted):
            all_reduce(seen, 'max')
        names = runner.val_dataloader.dataset.metainfo['classes']
        missing = ((self._present > 0) & (self._predicted == 0)).tolist()[: len(names)]
        runner.message_hub.update_scalar('val/unpredicted_classes', sum(missing))
        for name, is_missing in zip(names, missing, strict=True):
            self._judge(
                runner,
                is_missing,
                f'Class {name!r} is never predicted in validation: check that the '
                'labeled list contains it, and raise its weight in '
                'model.decode_head.loss_decode.class_weight.',
            )

    def _check_score(self, runner: Runner, key: str, score: float) -> None:
        if math.isnan(score):
            runner.logger.warning(
                f'{key} is not a number: no pixel of the validation masks is '
                f'of a class. `{command("check")} CONFIG` shows what they contain.'
            )
            return
        best = runner.message_hub.runtime_info.get('best_score', self._best)
        self._best = max(self._best, best, score)
        share = score / self._best if self._best > 0 else 1.0
        runner.message_hub.update_scalar('val/share_of_best', share)
        if share < self.drop:
            runner.logger.warning(
                f'{key} is {score:.2f} after {self._best:.2f}: the training '
                'has diverged. Lower the learning rate; the best checkpoint is kept.'
            )

    def _judge(self, runner: Runner, wrong: bool, warning: str) -> None:
        """Warn when ``patience`` checks in a row are wrong, once until one is right."""
        self._in_a_row[warning] = self._in_a_row[warning] + 1 if wrong else 0
        if self._in_a_row[warning] == self.patience:
            runner.logger.warning(warning)
