"""Progress bars that end with their block."""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import rich.progress


def progress_bar(
    items: Iterable, title: str, total: float | None = None, **kwargs: Any
) -> closing:
    """Show a progress bar while a block iterates over some items.

    ::

        with progress_bar(jobs, 'converting') as bar:
            for job in bar:
                ...

    ``rich.progress.track`` is a generator, and its threads draw until it is
    closed. When an error leaves a loop, only the garbage collector closes it,
    at any time and in any thread; in a thread that draws, the process hangs.
    Here the generator is closed when the block is left.

    Args:
        items (Iterable): What to iterate over.
        title (str): Text before the bar.
        total (float, optional): Number of items.  Defaults to their length.
        **kwargs: See ``rich.progress.track``.

    Returns:
        closing: Context manager; its target iterates over ``items``.
    """
    return closing(rich.progress.track(items, title, total, **kwargs))  # noqa: TID251
