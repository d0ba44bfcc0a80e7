"""What a sweep knows of its runs, for the report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .run import Run

COLORS = 8
DASHES = ('', '7 3', '2 3', '9 3 2 3')


class ResultTable(Protocol):
    """A table of results, such as a sweep's.

    Attributes:
        title (str): What it shows.
        head (list[str]): Names of the columns.
        rows (list[list]): Texts, None for nothing, or numbers that have a
            ``value``, a ``text()`` and ``best``, whether to emphasize them.
        note (str): What to know about it.
    """

    title: str
    head: list[str]
    rows: list[list[Any]]
    note: str


@dataclass
class Comparison:
    """What a sweep knows of its runs.

    Attributes:
        title (str): Name of the page; '' for those of the runs.
        groups (dict[Path, str]): By work dir, what its run is one of several
            seeds of.  Runs of a group share a color and are shown and hidden
            together.
        tables (list[ResultTable]): Results of the groups.
    """

    title: str = ''
    groups: dict[Path, str] = field(default_factory=dict)
    tables: Sequence[ResultTable] = ()

    def group(self, run: Run, training: Run) -> str:
        """Return the group of a run's training: by default, it alone.

        Args:
            run (Run): The run.
            training (Run): It, or one of its stages.
        """
        stage = training.name.removeprefix(run.name)
        return self.groups.get(run.work_dir, run.name) + stage


def styles(groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return a ``color`` and ``dash`` for each of some runs' groups."""
    places = {name: i for i, name in enumerate(dict.fromkeys(groups))}
    return [
        dict(color=i % COLORS, dash=DASHES[i // COLORS % len(DASHES)])
        for i in (places[name] for name in groups)
    ]


def chips(groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the page shows and hides together: ``name``, ``color``, ``runs``."""
    found: dict[str, dict[str, Any]] = {}
    for i, (name, style) in enumerate(zip(groups, styles(groups), strict=True)):
        found.setdefault(name, dict(name=name, color=style['color'], runs=[]))
        found[name]['runs'].append(i)
    return list(found.values())


def missing_pieces(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Return what runs lack: each ``text`` once, with the ``runs`` that lack it."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for text in run.missing:
            found.setdefault(text, []).append(run.name)
    return [
        dict(runs=name_all(names, len(runs)), text=text)
        for text, names in found.items()
    ]


def name_all(names: Sequence[str], of: int) -> str:
    """Name some runs of so many: ``all 3 runs`` if it is all of them."""
    if 1 < len(names) == of:
        return f'all {of} runs'
    return ', '.join(names)
