"""Tell the scores of classes from those of all, and show them."""

import re
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

SHOWN = 40  # classes in a table
LOWEST = 10  # classes in the table of a data set with more
CLASS_SCORE = re.compile(r'(?P<score>.*?(?:IoU|Precision|Recall))/(?P<name>.+)')


def score_table(scores: Mapping[str, Any]) -> Table | None:
    """Return a table of every class's scores; None if there are none.

    Args:
        scores (Mapping): Scores of an evaluation by name.
    """
    by_class = scores_of_classes(scores)
    if not by_class:
        return None
    columns = list(dict.fromkeys(n for each in by_class.values() for n in each))
    names = list(by_class)
    caption = None
    if len(names) > SHOWN:

        def value(name: str) -> float:
            first = by_class[name].get(columns[0])
            return float('inf') if first is None else first

        names = sorted(names, key=value)[:LOWEST]
        caption = (
            f'The {LOWEST} lowest of {len(by_class)} classes; results.json has all.'
        )
    table = Table(box=box.SIMPLE, caption=caption, caption_justify='left')
    table.add_column('class', overflow='fold')
    for column in columns:
        # The teacher's in two lines, so that all fit into 80 columns.
        table.add_column(column.replace('_', '\n', 1), justify='right')
    for name in names:
        values = (by_class[name].get(column) for column in columns)
        table.add_row(name, *('-' if v is None else f'{v:.2f}' for v in values))
    return table


def scores_of_classes(scores: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Group the scores of classes, as in ``IoU/road``, by the class.

    Args:
        scores (Mapping): Scores of an evaluation by name.

    Returns:
        dict: Scores by name for every class; None for those that are no numbers.
    """
    found: dict[str, dict[str, float | None]] = {}
    for key, value in scores.items():
        if match := CLASS_SCORE.fullmatch(key):
            number = float(value)
            found.setdefault(match['name'], {})[match['score']] = (
                number if number == number else None
            )
    return found


def scores_of_all(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores that are not those of one class."""
    return {k: float(v) for k, v in scores.items() if not CLASS_SCORE.fullmatch(k)}
