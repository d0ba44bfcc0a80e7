"""What the hooks that lend models to a method have in common."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmsemi.models.utils import Guidance

from ..unwrap import student


class GuidanceHook(Hook):
    """Lends models to a method that keeps a :class:`Guidance`.

    Methods without one are left alone.
    """

    def lend(self, runner, source: str, models: Sequence) -> None:
        """Lend the models to a method that follows this source.

        Args:
            source (str): 'previous' or 'ema'.
            models (Sequence): Lent as it is, so that it may change later.
        """
        guidance = self._guidance(runner)
        if guidance is not None and guidance.source == source:
            guidance.models = models

    def before_train(self, runner) -> None:
        """Check that there are epochs to tell.

        Raises:
            ValueError: The train loop has none.
        """
        if self._guidance(runner) is not None and not isinstance(
            runner.train_loop, EpochBasedTrainLoop
        ):
            raise ValueError(
                f'{type(student(runner)).__name__} weighs its guidance by '
                'the epoch: use train_cfg=dict(type="EpochBasedTrainLoop", '
                f'...), not {type(runner.train_loop).__name__}.'
            )

    def before_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Tell the method where the run stands."""
        guidance = self._guidance(runner)
        if guidance is not None:
            guidance.epoch = runner.epoch
            guidance.max_epochs = runner.max_epochs
            guidance.seed = (runner.seed, runner.iter)

    def _guidance(self, runner) -> Guidance | None:
        return getattr(student(runner), 'guidance', None)
