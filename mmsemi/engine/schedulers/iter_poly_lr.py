"""The learning rate of the released trainers."""

from mmengine.optim import PolyLR

from mmsemi.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class IterPolyLR(PolyLR):
    """lr * (1 - i / n) ** power at step i of n, counted from 0.

    MMEngine's ``PolyLR`` divides by n - 1, so that the last step has
    ``eta_min``, which is no step at all when that is 0.

    Args: as in :class:`mmengine.optim.PolyLR`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.total_iters = self.end - self.begin
