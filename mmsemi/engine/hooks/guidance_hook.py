"""Base class of the hooks that lend models to a method."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsemi.models.utils import Guidance

from ..unwrap import student


class GuidanceHook(Hook):
    """Lend models to a method that has a :class:`Guidance`.

    Nothing happens to methods without one.
    """

    def lend(self, runner: Runner, source: str, models: Sequence) -> None:
        """Lend models to a method that is guided by this source.

        Args:
            runner (Runner): Trains the method.
            source (str): 'previous' or 'ema'.
            models (Sequence): Not copied: the method sees later changes.
        """
        guidance = self._guidance(runner)
        if guidance is not None and guidance.source == source:
            guidance.models = models

    def before_train(self, runner: Runner) -> None:
        """Check that the train loop has epochs.

        Raises:
            ValueError: It has none, and the method weighs its guidance by the
                epoch.
        """
        guidance = self._guidance(runner)
        if (
            guidance is not None
            and guidance.by_epoch
            and not isinstance(runner.train_loop, EpochBasedTrainLoop)
        ):
            raise ValueError(
                f'{type(student(runner)).__name__} weighs its guidance by '
                'the epoch: use train_cfg=dict(type="EpochBasedTrainLoop", '
                f'...), not {type(runner.train_loop).__name__}.'
            )

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Pass the current epoch and the step's seed to the method."""
        guidance = self._guidance(runner)
        if guidance is not None:
            guidance.epoch = runner.epoch
            guidance.max_epochs = runner.max_epochs
            guidance.seed = (runner.seed, runner.iter)

    def _guidance(self, runner: Runner) -> Guidance | None:
        return getattr(student(runner), 'guidance', None)
