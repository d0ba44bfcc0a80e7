"""Compute the learning rate schedule of the released trainers."""

from mmengine.optim import PolyLR

from mmsemi.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class IterPolyLR(PolyLR):
    """Set the learning rate of step i of n to lr * (1 - i / n) ** power.

    Steps count from 0.  MMEngine's ``PolyLR`` divides by n - 1 instead: its
    last step has ``eta_min``, and changes nothing if that is 0.

    Args: as in :class:`mmengine.optim.PolyLR`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.total_iters = self.end - self.begin
