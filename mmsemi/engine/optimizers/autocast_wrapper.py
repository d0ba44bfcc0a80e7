"""Mixed precision on any device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from mmsemi.registry import OPTIM_WRAPPERS

DTYPES = ('bfloat16', 'float16')


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(AmpOptimWrapper):
    """MMEngine's ``AmpOptimWrapper``, on the CPU too.

    The network computes in half precision where PyTorch's autocast deems it
    safe; weights, gradients, losses and the update stay in float32.
    ``float16`` scales the loss, so that small gradients do not vanish;
    ``bfloat16`` has the range of float32 and needs no scale.

    Args:
        dtype (str): 'bfloat16' or 'float16'.
        loss_scale (str | float | dict): 'dynamic', a scale that stays, or
            arguments of ``torch.amp.GradScaler``; for float16.  Defaults to
            'dynamic'.
        **kwargs: As in :class:`mmengine.optim.OptimWrapper`.

    Raises:
        ValueError: Another ``dtype`` or ``loss_scale``.
    """

    def __init__(
        self,
        dtype: str = 'bfloat16',
        loss_scale: str | float | dict = 'dynamic',
        **kwargs,
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f'dtype={dtype!r} is none of {DTYPES}.')
        OptimWrapper.__init__(self, **kwargs)  # MMEngine's asks for a GPU
        self.device_type = get_device()
        self.cast_dtype = getattr(torch, dtype)
        self._scale_update_param = None
        if loss_scale == 'dynamic':
            scale = {}
        elif isinstance(loss_scale, (int, float)):
            self._scale_update_param = float(loss_scale)
            scale = dict(init_scale=float(loss_scale))
        elif isinstance(loss_scale, dict):
            scale = loss_scale
        else:
            raise ValueError(
                f"loss_scale must be 'dynamic', a number or a dict, got {loss_scale!r}."
            )
        self.loss_scaler = torch.amp.GradScaler(
            self.device_type, **scale, enabled=dtype == 'float16'
        )
        # Let the scaler leave out steps of infinite gradients altogether.
        # Fused SGD (PyTorch 2.13), told to, does so itself, but if it is its
        # first step leaves the momentum uninitialised, and takes it for one.
        self.optimizer._step_supports_amp_scaling = False

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Of mixed precision, and of accumulation as in ``OptimWrapper``."""
        with (
            OptimWrapper.optim_context(self, model),
            torch.autocast(self.device_type, self.cast_dtype),
        ):
            yield
