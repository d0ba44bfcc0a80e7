"""Show the analysis of a network as one page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .albums import embedded
from .comparison import styles
from .confusion import describe_matrix
from .filling import fill

WHOLE = 'all pixels'
CHOSEN = 20  # classes up to which each has curves
POINTS = 100  # of a curve over the thresholds
WIDTH = 1400
NOTES = dict(
    accuracy='share of the kept pixels that is right; of a class: of those predicted '
    'as it',
    coverage='share of the pixels that is kept; of a class: of those that truly are it',
    separation='share of the right pixels that is kept minus that of the wrong ones',
    reliability='accuracy over mean confidence, in 15 bins; below the dotted line the '
    'network is overconfident',
)


def render_analysis(
    title: str,
    numbers: dict[str, Any],
    curves: dict[str, Any],
    pictures: Sequence[Path],
) -> str:
    """Return the page of an analysis.

    Args:
        title (str): Its title.
        numbers (dict): As in ``analysis.json``.
        curves (dict): ``accuracy``, ``coverage`` and ``separation`` over the
            thresholds from 0 to 1, a list for all pixels and then each class, and
            ``reliability``, likewise pairs of confidence and accuracy.
        pictures (Sequence[Path]): Of the worst images, in their order.
    """
    names = [each['name'] for each in numbers['classes']]
    shown = names if len(names) <= CHOSEN else []
    ideal = len(shown) + 1
    chosen = [WHOLE, *shown]
    runs = [
        dict(name=each, **style)
        for each, style in zip(chosen, styles(chosen), strict=True)
    ]
    runs.append(dict(name='calibrated', color=7, dash='1 4'))
    context = dict(
        title=title,
        numbers=numbers,
        runs=runs[:ideal],
        charts=list(NOTES.items()),
        matrices=[describe_matrix(numbers['confusion'], names, 'All images')],
        pictures=[
            dict(score, src=embedded(file, WIDTH))
            for score, file in zip(numbers['worst'], pictures, strict=True)
        ],
    )
    marks = _marks(numbers['thresholds'])
    charts = []
    for name in NOTES:
        series = []
        for i, curve in enumerate(curves[name][: len(shown) + 1]):
            if name == 'reliability':
                there = np.isfinite(curve[1])
                x, y = (np.asarray(values)[there] for values in curve)
                series.append(dict(run=i, x=_rounded(x), y=_rounded(y)))
                continue
            step = len(curve) // POINTS
            y = _rounded(np.asarray(curve)[::step])
            x = [k / POINTS for k in range(POINTS)]
            series.append(dict(run=i, x=x, y=y, **(dict(marks=marks) if not i else {})))
        if name == 'reliability':
            series.append(dict(run=ideal, x=[0, 1], y=[0, 1]))
        charts.append(dict(name=name, series=series))
    axis = 'least confidence'
    return fill('analysis.html', context, dict(runs=runs, charts=charts, axis=axis))


def _marks(thresholds: dict[str, Any]) -> list[list]:
    """Mark the method's threshold with a star and the best one with a dot."""
    signs = dict(best='●', method='★')
    return [
        [min(round(thresholds[key] * POINTS), POINTS - 1), sign]
        for key, sign in signs.items()
        if thresholds[key] is not None
    ]


def _rounded(values: np.ndarray) -> list[float | None]:
    return [float(f'{v:.4g}') if np.isfinite(v) else None for v in values]
