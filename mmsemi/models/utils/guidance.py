"""Models that guide a method, and that are no part of it."""

from collections.abc import Sequence


class Guidance:
    """Frozen models that a hook lends a method, and where the run stands.

    A method that is guided keeps one as an attribute.  As it is no module,
    the lent models are in none of the method's ``state_dict``,
    ``parameters``, ``to`` or gradient exchange; and a copy of the method,
    deep or pickled, starts without them.

    Args:
        source (str): Whose models guide: 'previous' (
            :class:`mmsemi.engine.PreviousModelsHook`) or 'ema'
            (:class:`mmsemi.engine.EMATeacherHook`).

    Attributes:
        models (Sequence, optional): Each with a method ``logits``, images
            (B, 3, H, W) to logits (B, C, H, W); None as long as no hook has
            lent any, empty as long as the hook has none.
        epoch (int): Of the present step, from 0.
        max_epochs (int): Of the run.
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
