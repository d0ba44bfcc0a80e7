"""Stop at losses that are not finite, or skip their steps."""

import math

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.utils import get_total_norm

from mmsemi.registry import HOOKS

from ..unwrap import student
from .batch_files import files_of_step


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """End the run at a loss that is not finite, or skip such steps.

    The error names the step, each loss term and the files.  With
    ``max_skipped``, a step whose gradients are not finite changes no weight
    and is counted as ``train/skipped_steps``; too many end the run.

    The losses are read from MMEngine's log, which has them on the CPU already.
    Only with ``max_skipped`` does the host wait for the device: the gradients
    have to be checked before the weights change.

    Args:
        max_skipped (int): Steps that may be skipped.  Defaults to 0, which
            ends the run at the first loss that is not finite.
    """

    # After RuntimeInfoHook, which logs the losses; before any checkpoint.
    priority = 'ABOVE_NORMAL'

    def __init__(self, max_skipped: int = 0) -> None:
        self.max_skipped = max_skipped
        self.skipped = 0

    def before_train(self, runner: Runner) -> None:
        """Have the optimizer check the gradients before each step."""
        if self.max_skipped:
            runner.optim_wrapper.optimizer.register_step_pre_hook(
                self._drop_nonfinite_gradients
            )

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Check the step's losses.

        Raises:
            FloatingPointError: A loss is not finite and the step cannot be
                skipped.
            RuntimeError: More than ``max_skipped`` steps were skipped.
        """
        losses = {
            key.removeprefix('train/'): float(values.current())
            for key, values in runner.message_hub.log_scalars.items()
            if key.startswith('train/loss')
        }
        if not all(map(math.isfinite, losses.values())):
            self._stop_or_skip(runner, losses)
        if self.max_skipped:
            runner.message_hub.update_scalar('train/skipped_steps', self.skipped)
            if self.skipped > self.max_skipped:
                raise RuntimeError(
                    f'{self.skipped} steps were skipped because their loss '
                    'or gradients were not finite, more than '
                    f'skip_nonfinite={self.max_skipped}: lower the '
                    'learning rate.'
                )

    def _stop_or_skip(self, runner: Runner, losses: dict[str, float]) -> None:
        message = f'The loss of step {runner.iter + 1} is not finite: ' + ', '.join(
            f'{name}={value:.4g}' for name, value in losses.items()
        )
        if files := files_of_step(runner):
            message += f'. Files of the step: {", ".join(files)}'
        if not self.max_skipped:
            raise FloatingPointError(
                f'{message}. Check these, lower the learning rate, and continue '
                'with `--resume`; default_hooks.health.skip_nonfinite=N '
                'skips up to N such steps.'
            )
        if not all(
            buffer.isfinite().all()
            for buffer in student(runner).buffers()
            if buffer.is_floating_point()
        ):
            raise FloatingPointError(
                f'{message}. The statistics of BatchNorm are no longer finite: '
                'resume from an earlier checkpoint.'
            )
        runner.logger.error(f'{message}. The step is skipped.')

    def _drop_nonfinite_gradients(
        self, optimizer: torch.optim.Optimizer, args: tuple, kwargs: dict
    ) -> None:
        """Drop gradients that are not finite, so that the step changes nothing.

        Gradients are the same on every process, so all processes agree.  Steps
        that a gradient scaler leaves to a fused optimizer are skipped there.
        """
        if getattr(optimizer, 'found_inf', None) is not None:
            return
        norm = get_total_norm(
            p.grad
            for group in optimizer.param_groups
            for p in group['params']
            if p.grad is not None
        )
        if not norm.isfinite():
            self.skipped += 1
            optimizer.zero_grad(set_to_none=True)
