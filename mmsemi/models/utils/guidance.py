"""Models that guide a method without being part of it."""

from collections.abc import Sequence
from typing import Any

HOOKS = dict(previous='PreviousModelsHook', ema='EMATeacherHook')


class Guidance:
    """Hold frozen models that a hook lends a method, and the run's progress.

    A guided method keeps a ``Guidance`` as an attribute.  It is not a module,
    so the lent models are not part of the method's ``state_dict``,
    ``parameters``, ``to`` or gradient synchronisation, and a deep or pickled
    copy of the method starts without them.

    Args:
        source (str): The hook that lends the models: 'previous'
            (:class:`mmsemi.engine.PreviousModelsHook`) or 'ema'
            (:class:`mmsemi.engine.EMATeacherHook`).
        by_epoch (bool): Whether the method weighs its guidance by the epoch,
            so that the training must count epochs.  Defaults to False.

    Attributes:
        models (Sequence, optional): Models with a method ``logits``, images
            (B, 3, H, W) to logits (B, C, H, W).  None if no hook has started,
            empty while the hook has no model yet.
        epoch (int): Epoch of the current step, from 0.
        max_epochs (int): Epochs of the run.
        seed (tuple[int, int]): Seed for the step's draws, the same on every
            process.
    """

    def __init__(self, source: str, by_epoch: bool = False) -> None:
        self.source = source
        self.by_epoch = by_epoch
        self.models: Sequence | None = None
        self.epoch = 0
        self.max_epochs = 1
        self.seed: tuple[int, int] = (0, 0)

    def __reduce__(self) -> tuple:
        return type(self), (self.source, self.by_epoch)

    def lent(self) -> Sequence:
        """Return the lent models, none at first.

        Raises:
            RuntimeError: No hook lends any.
        """
        if self.models is None:
            raise RuntimeError(
                f'guidance={self.source!r} is not lent any models: add '
                f'dict(type={HOOKS[self.source]!r}) to `custom_hooks`.'
            )
        return self.models

    @property
    def teacher(self) -> Any:
        """The EMA teacher.

        Raises:
            RuntimeError: No hook lends one.
        """
        return self.lent()[0]


def ema_guidance(source: str | None) -> Guidance | None:
    """Return the guidance of a method that may have an EMA teacher.

    Args:
        source (str, optional): ``guidance`` of the method: 'ema', or None for
            the method as published.

    Raises:
        ValueError: It is another name.
    """
    if source is None:
        return None
    if source != 'ema':
        raise ValueError(
            f"guidance={source!r} is no guidance of this method: use 'ema', or None "
            'for pseudo-labels of the network itself.'
        )
    return Guidance(source)
