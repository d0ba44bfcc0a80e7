"""Values of a step's log that mean trouble if they stay."""

from typing import NamedTuple


class Symptom(NamedTuple):
    """A value of a step's log that means trouble if it stays.

    A method lists its own in ``symptoms``;
    :class:`mmsemi.engine.HealthHook` watches for them.

    Attributes:
        name (str): Key of the value in what ``loss()`` returns.
        value (float): The value that means trouble.
        warning (str): What it means and what helps, for the log.
        scale (str): Key of a value that scales this one: while that is 0,
            this one being 0 is no trouble.  Defaults to '', for none.
    """

    name: str
    value: float
    warning: str
    scale: str = ''
