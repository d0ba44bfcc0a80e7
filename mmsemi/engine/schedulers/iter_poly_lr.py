"""Compute the learning rate schedule of the released trainers."""

from mmengine.optim import PolyLR

from mmsemi.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class IterPolyLR(PolyLR):
    """Set the learning rate of step i of n to lr * (1 - i / n) ** power.

    Steps count from 0.  MMEngine's ``PolyLR`` divides by n - 1 instead: its
    last step has ``eta_min``, and changes nothing if that is 0.

    Args:
        *args: As in :class:`mmengine.optim.PolyLR`.
        late (int): Iterations that the schedule lags behind: step i has the
            learning rate of step i - late.  UniMatch V2's released trainer
            sets it after a step from the index of that step, which is 1: its
            first two steps have the full rate.  Defaults to 0.
        **kwargs: As in :class:`mmengine.optim.PolyLR`.

    Raises:
        ValueError: ``late`` is below 0.
    """

    def __init__(self, *args, late: int = 0, **kwargs) -> None:
        if late < 0:
            raise ValueError(f'param_scheduler.late={late} must be 0 or more.')
        self.late = late
        super().__init__(*args, **kwargs)
        self.total_iters = self.end - self.begin

    def _get_value(self) -> list[float]:
        """Compute the values of this step from those of the last one."""
        step = self.last_step
        self.last_step = max(step - self.late, 0)
        try:
            return super()._get_value()
        finally:
            self.last_step = step
