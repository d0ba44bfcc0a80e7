"""What goes wrong without an error, said in a line."""

import math
from collections import Counter

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS

from .batch_files import files_of_step
from .ema_teacher_hook import EMATeacherHook
from .guidance_hook import student

DEAD = dict(
    loss_rank="set model.loss_rank=dict(similarity='cosine')",
    loss_prev_strong='lower model.prev_conf_thresh',
    loss_prev_fp='lower model.prev_conf_thresh',
    default='raise its weight, or train without it',
)
RATIOS = ('train/mask_ratio', 'train/prev_weight')


@HOOKS.register_module()
class HealthHook(Hook):
    """Watches a training for what no error tells.

    In every step: a loss that is not finite, or is with gradients that are
    not, ends the run and names the step, each part and the files; or
    ``skip_nonfinite`` such steps are left out and counted.  The losses are
    looked at where MMEngine has brought them to the CPU for its log; only
    ``skip_nonfinite`` waits for the device, since a step has to be judged
    before it is made.

    At every ``interval``-th step, one warning with its cure for what has been
    so at ``patience`` looks in a row: no pixel or every pixel of the
    pseudo-labels is confident; they hold one class alone; a loss term is
    exactly 0; an EMA teacher is its student, or far from it.  After a
    validation: a class that is there is never predicted (``patience`` times
    in a row); the score has fallen far below its best.

    Scalars, beside the losses and ``train/mask_ratio``:
    ``train/pseudo_classes``, ``train/teacher_distance`` (of the weights,
    relative to the student's), ``train/skipped_steps``,
    ``val/unpredicted_classes``, ``val/share_of_best``.

    Args:
        interval (int): Steps from look to look.  Defaults to 50.
        patience (int): Defaults to 10.
        skip_nonfinite (int): Steps that may be skipped before the run ends.
            Defaults to 0.
        far (float): Distance of a teacher that is far.  Defaults to 0.5.
        drop (float): Share of the best score that is far below it.  Defaults
            to 0.5.
        key (str): The score that is watched.  Defaults to 'mIoU'.
    """

    # After RuntimeInfoHook, which logs the losses; before any is saved.
    priority = 'ABOVE_NORMAL'

    def __init__(
        self,
        interval: int = 50,
        patience: int = 10,
        skip_nonfinite: int = 0,
        far: float = 0.5,
        drop: float = 0.5,
        key: str = 'mIoU',
    ) -> None:
        self.interval = interval
        self.patience = patience
        self.skip_nonfinite = skip_nonfinite
        self.far = far
        self.drop = drop
        self.key = key
        self._looks: Counter = Counter()
        self._skipped = 0
        self._best = -math.inf

    def before_train(self, runner) -> None:
        if self.skip_nonfinite:
            runner.optim_wrapper.optimizer.register_step_pre_hook(
                self._drop_nonfinite_gradients
            )

    def after_train_iter(
        self,
        runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        scalars = self._scalars(runner)
        if not all(map(math.isfinite, scalars.values())):
            self._nonfinite(runner, scalars)
        if self.skip_nonfinite:
            runner.message_hub.update_scalar('train/skipped_steps', self._skipped)
            if self._skipped > self.skip_nonfinite:
                raise RuntimeError(
                    f'{self._skipped} steps were skipped because their loss '
                    'or gradients were not finite, more than '
                    f'skip_nonfinite={self.skip_nonfinite}: lower the '
                    'learning rate.'
                )
        if self.every_n_train_iters(runner, self.interval):
            self._look(runner, data_batch, scalars)

    def _scalars(self, runner) -> dict[str, float]:
        """What the step has logged of its losses and ratios."""
        logged = runner.message_hub.log_scalars
        return {
            key.removeprefix('train/'): float(logged[key].current())
            for key in logged
            if key.startswith('train/loss') or key in RATIOS
        }

    def _nonfinite(self, runner, scalars: dict[str, float]) -> None:
        parts = ', '.join(f'{k}={v:.4g}' for k, v in scalars.items())
        files = ', '.join(files_of_step(runner))
        message = (
            f'The loss of step {runner.iter + 1} is not finite: '
            f'{parts}. Files of the step: {files}.'
        )
        if not self.skip_nonfinite:
            raise FloatingPointError(
                f'{message} Look at these, lower the learning rate, and go '
                'on by `--resume`; default_hooks.health.skip_nonfinite=N '
                'leaves out N such steps.'
            )
        if not all(
            buffer.isfinite().all()
            for buffer in student(runner).buffers()
            if buffer.is_floating_point()
        ):
            raise FloatingPointError(
                f'{message} The statistics of BatchNorm are not finite any '
                'more: go on from an earlier checkpoint by `--resume`.'
            )
        runner.logger.error(f'{message} The step is skipped.')

    def _drop_nonfinite_gradients(self, optimizer, args, kwargs) -> None:
        """Make the step one that changes nothing.

        Gradients are the same on every process, so all of them agree.  Those
        that a gradient scaler hands to a fused optimiser are its own affair.
        """
        if getattr(optimizer, 'found_inf', None) is not None:
            return
        grads = [
            p.grad
            for group in optimizer.param_groups
            for p in group['params']
            if p.grad is not None
        ]
        norm = torch.stack(torch._foreach_norm(grads)).sum()
        if not torch.isfinite(norm):
            self._skipped += 1
            optimizer.zero_grad(set_to_none=True)

    def _look(self, runner, data_batch, scalars: dict[str, float]) -> None:
        ratio = scalars.get('mask_ratio')
        self._judge(
            runner,
            ratio == 0,
            'No pixel of the pseudo-labels is confident: '
            'lower model.conf_thresh, or train longer on labeled images '
            'first.',
        )
        self._judge(
            runner,
            ratio == 1,
            'Every pixel of the pseudo-labels is '
            'confident, so that the threshold sorts out nothing: raise '
            'model.conf_thresh, and see whether the labels are of one class.',
        )
        for name, value in scalars.items():
            # Without confident pixels most terms are 0: said above.
            # PrevMatch's weigh nothing without a previous model.
            idle = name.startswith('loss_prev') and not scalars['prev_weight']
            if name.startswith('loss_') and ratio != 0 and not idle:
                self._judge(
                    runner,
                    value == 0,
                    f'{name} is exactly 0 and teaches '
                    f'nothing: {DEAD.get(name, DEAD["default"])}.',
                )
        self._look_at_labels(runner, data_batch)
        self._look_at_teacher(runner)

    def _look_at_labels(self, runner, data_batch) -> None:
        model = student(runner)
        if not data_batch or 'unlabeled' not in data_batch:
            return
        stream = model.data_preprocessor(dict(unlabeled=data_batch['unlabeled']), True)[
            'inputs'
        ]
        label = model.pseudo_label(stream['unlabeled'])
        classes = label.label[label.valid].unique().numel()
        runner.message_hub.update_scalar('train/pseudo_classes', classes)
        self._judge(
            runner,
            classes == 1,
            'The pseudo-labels are of one class alone: '
            'the network has collapsed. Lower the learning rate, or start '
            'from pretrained weights.',
        )

    def _look_at_teacher(self, runner) -> None:
        for hook in runner.hooks:
            if not isinstance(hook, EMATeacherHook):
                continue
            own = [p.detach() for p in student(runner).parameters()]
            other = list(hook.teacher.parameters())
            distance = float(
                _norm(torch._foreach_sub(own, other)) / _norm(own).clamp(min=1e-12)
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
                'The EMA teacher is far from '
                f'its student (more than {self.far} of its weights): lower '
                'its max_decay or the learning rate.',
            )

    def before_val_epoch(self, runner) -> None:
        # Indices of a mask are below 256.
        device = next(student(runner).parameters()).device
        self._present, self._predicted = torch.zeros(
            2, 256, dtype=torch.int, device=device
        )

    def after_val_iter(
        self,
        runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: list | None = None,
    ) -> None:
        for sample in outputs or ():
            if 'gt_sem_seg' not in sample or 'pred_sem_seg' not in sample:
                continue
            for seen, mask in (
                (self._present, sample.gt_sem_seg.data),
                (self._predicted, sample.pred_sem_seg.data),
            ):
                seen[mask.to(seen.device).long().clamp(0, 255)] = 1

    def after_val_epoch(self, runner, metrics: dict[str, float]) -> None:
        self._look_at_classes(runner)
        if self.key in metrics:
            self._look_at_score(runner, float(metrics[self.key]))

    def _look_at_classes(self, runner) -> None:
        for seen in (self._present, self._predicted):
            all_reduce(seen, 'max')
        names = runner.val_dataloader.dataset.metainfo['classes']
        missing = [
            name
            for name, there, found in zip(
                names, self._present.tolist(), self._predicted.tolist()
            )
            if there and not found
        ]
        runner.message_hub.update_scalar('val/unpredicted_classes', len(missing))
        for name in names:
            self._judge(
                runner,
                name in missing,
                f'Class {name!r} is never predicted '
                'in validation: see that the labeled list holds it, and '
                'weigh it more in decode_head.loss_decode.',
            )

    def _look_at_score(self, runner, score: float) -> None:
        if math.isnan(score):
            runner.logger.warning(
                f'{self.key} is not a number: no pixel of the validation '
                'masks is of a class. See by tools/data/check_dataset.py '
                'what they hold.'
            )
            return
        best = runner.message_hub.runtime_info.get('best_score', self._best)
        self._best = max(self._best, best, score)
        share = score / self._best if self._best > 0 else 1.0
        runner.message_hub.update_scalar('val/share_of_best', share)
        if share < self.drop:
            runner.logger.warning(
                f'{self.key} is {score:.2f} after {self._best:.2f}: the '
                'training has diverged. Lower the learning rate; the best '
                'checkpoint is kept.'
            )

    def _judge(self, runner, wrong: bool, warning: str) -> None:
        """Warn once per spell, at its ``patience``-th look."""
        self._looks[warning] = self._looks[warning] + 1 if wrong else 0
        if self._looks[warning] == self.patience:
            runner.logger.warning(warning)


def _norm(tensors) -> torch.Tensor:
    return torch.stack(torch._foreach_norm(tensors)).norm()
