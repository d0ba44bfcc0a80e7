"""Many names in one message."""

from collections.abc import Iterable


def some(names: Iterable, most: int = 3) -> str:
    """The first few names in a line, and how many more there are."""
    names = [str(name) for name in names]
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def some_lines(names: Iterable, most: int = 5) -> str:
    """The same with every name on a line of its own, below the message."""
    names = [str(name) for name in names]
    more = [f'... and {len(names) - most} more'] if len(names) > most else []
    return '\n  '.join(['', *names[:most], *more])
