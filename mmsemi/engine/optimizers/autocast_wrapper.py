"""Mixed precision on any device."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from mmsemi.registry import OPTIM_WRAPPERS

DTYPES = ('bfloat16', 'float16')


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(AmpOptimWrapper):
    """Train in mixed precision, on a GPU or a CPU.

    The network computes in half precision where PyTorch's autocast considers
    it safe; weights, gradients, losses and the update stay in float32.
    ``float16`` scales the loss, so that small gradients do not vanish;
    ``bfloat16`` has the range of float32 and needs no scale.

    Args:
        dtype (str, optional): 'bfloat16', 'float16', or None for float16 on a
            GPU and full precision on a CPU, where half precision is several
            times slower on some processors.  Defaults to 'bfloat16'.
        loss_scale (str | float | dict): 'dynamic', a constant scale, or
            arguments of ``torch.amp.GradScaler``.  For float16 only.  Defaults
            to 'dynamic'.
        **kwargs: As in :class:`mmengine.optim.OptimWrapper`.

    Raises:
        ValueError: ``dtype`` or ``loss_scale`` is none of these.
    """

    def __init__(
        self,
        dtype: str | None = 'bfloat16',
        loss_scale: str | float | dict = 'dynamic',
        **kwargs,
    ) -> None:
        OptimWrapper.__init__(self, **kwargs)  # AmpOptimWrapper's needs a GPU
        self.device_type = get_device()
        if dtype is None:
            on_cpu = self.device_type == 'cpu'
            self.cast_dtype = torch.float32 if on_cpu else torch.float16
            if on_cpu:
                print_log(
                    'There is no GPU: training in full precision instead of mixed. '
                    '--amp trains in bfloat16.',
                    'current',
                    logging.WARNING,
                )
        elif dtype in DTYPES:
            self.cast_dtype = getattr(torch, dtype)
        else:
            raise ValueError(f'dtype={dtype!r} is none of {DTYPES}, nor None.')
        self._scale_update_param = None
        scale: dict[str, Any] = {}
        if isinstance(loss_scale, (int, float)):
            self._scale_update_param = float(loss_scale)
            scale = dict(init_scale=float(loss_scale))
        elif isinstance(loss_scale, dict):
            scale = loss_scale
        elif loss_scale != 'dynamic':
            raise ValueError(
                f"loss_scale must be 'dynamic', a number or a dict, got {loss_scale!r}."
            )
        self.loss_scaler = torch.amp.GradScaler(
            self.device_type, **scale, enabled=self.cast_dtype == torch.float16
        )
        # The scaler itself skips a step whose gradients are infinite. Fused SGD
        # (PyTorch 2.13) would skip it too, but if that is the first step, it
        # later uses momentum that was never initialised.
        self.optimizer._step_supports_amp_scaling = False

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute in mixed precision, and accumulate as ``OptimWrapper`` does."""
        with (
            OptimWrapper.optim_context(self, model),
            torch.autocast(
                self.device_type,
                self.cast_dtype,
                enabled=self.cast_dtype != torch.float32,
            ),
        ):
            yield

    def load_state_dict(self, state_dict: dict) -> None:
        """Load a state, also of a run that did not scale its losses."""
        if not state_dict.get('loss_scaler', True):
            del state_dict['loss_scaler']
        super().load_state_dict(state_dict)
