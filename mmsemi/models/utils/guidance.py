"""Models that guide a method without being part of it."""

from collections.abc import Sequence


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

    Attributes:
        models (Sequence, optional): Models with a method ``logits``, images
            (B, 3, H, W) to logits (B, C, H, W).  None if no hook has started,
            empty while the hook has no model yet.
        epoch (int): Epoch of the current step, from 0.
        max_epochs (int): Epochs of the run.
        seed (tuple[int, int]): Seed for the step's draws, the same on every
            process.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.models: Sequence | None = None
        self.epoch = 0
        self.max_epochs = 1
        self.seed: tuple[int, int] = (0, 0)

    def __reduce__(self) -> tuple:
        return type(self), (self.source,)
