"""Abbreviate long lists of names in messages."""

from collections.abc import Iterable


def some(names: Iterable, most: int = 3) -> str:
    """Join the first ``most`` names with commas, and say how many more there are."""
    names = [str(name) for name in names]
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def some_lines(names: Iterable, most: int = 5) -> str:
    """Join names as :func:`some` does, each on a new line below the message."""
    names = [str(name) for name in names]
    more = [f'... and {len(names) - most} more'] if len(names) > most else []
    return '\n  '.join(['', *names[:most], *more])
