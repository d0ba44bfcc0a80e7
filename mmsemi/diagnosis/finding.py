"""What is known about one thing."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What is known about one thing.

    Attributes:
        area (str): Heading of similar things.
        name (str): The thing.
        state (str): ``ok``; ``note``, which something may need; ``warning``, which
            makes a training slow or fail later; ``error``, with which none starts.
        text (str): What was found.
        cure (str): What to do about it; empty for ``ok``.
    """

    area: str
    name: str
    state: Literal['ok', 'note', 'warning', 'error']
    text: str
    cure: str = ''
