"""Look for what would keep a training from running, and say what helps.

It imports neither torch nor the OpenMMLab stack before it knows that they are
there: it has to run where nothing else does.
"""

from collections.abc import Callable, Iterator
from typing import Any

from . import config, data, devices, machine, packages
from .finding import Finding

__all__ = ['Finding', 'diagnose']


def diagnose(
    name: str | None = None, load: Callable[[], Any] | None = None
) -> Iterator[Finding]:
    """Look at one thing after the other.

    Args:
        name (str, optional): A config, to look for what it needs, too.
        load (Callable, optional): Reads it.

    Yields:
        Finding: In the order in which to mend them.
    """
    yield from packages.python()
    runs = yield from packages.stack()
    yield from packages.others()
    yield from devices.devices()
    yield from machine.machine()
    yield from data.data()
    yield from data.extras()
    if name is not None and load is not None and runs:
        yield from config.needs(name, load)
