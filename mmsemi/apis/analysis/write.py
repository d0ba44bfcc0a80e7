"""Write an analysis: a page, tables, pictures and all numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmsemi.evaluation import Thresholds, reliability
from mmsemi.reporting.analysis import render_analysis
from mmsemi.utils.files import write_whole
from mmsemi.utils.images import write_picture
from mmsemi.utils.progress import progress_bar
from mmsemi.visualization import draw_confusion, draw_reliability, draw_thresholds

from ..confusion import write_csv
from .analyze import Analysis, table_text
from .findings import summarize
from .worst import draw

PAGE = 'index.html'


def write_analysis(found: Analysis, folder: Path, title: str) -> dict[str, Any]:
    """Write ``index.html``, ``analysis.json``, tables and pictures.

    Args:
        found (Analysis): What was counted.
        folder (Path): For the files; ``images.csv`` lies there already.
        title (str): Of the page.

    Returns:
        dict: The numbers, as :func:`summarize` returns them.
    """
    numbers = summarize(found)
    text = json.dumps(dict(title=title, **numbers), indent=1, allow_nan=False)
    write_whole(folder / 'analysis.json', text.encode())
    for name, rows in _tables(found, numbers).items():
        write_whole(folder / f'{name}.csv', table_text(rows).encode())
    write_csv(found.counts.confusion, found.classes, folder / 'confusion.csv')
    for name, picture in _pictures(found, numbers).items():
        write_picture(folder / f'{name}.png', picture[..., ::-1])
    files = []
    for old in (folder / 'worst').glob('*.png'):  # of another analysis
        old.unlink()
    with progress_bar(found.worst, 'drawing') as bar:
        for i, (score, seen) in enumerate(bar):
            file = folder / 'worst' / f'{i:02d}_{Path(score.name).stem}.png'
            write_picture(file, draw(seen, found.classes, found.palette)[..., ::-1])
            files.append(file)
    page = render_analysis(title, numbers, _curves(found), files)
    write_whole(folder / PAGE, page.encode())
    return numbers


def _tables(found: Analysis, numbers: dict[str, Any]) -> dict[str, list[list]]:
    """Return the rows of every table, by name."""
    whole = reliability(found.counts)
    kept = Thresholds.of(found.counts.by_true.sum(0))
    bins = len(whole.pixels)
    steps = range(0, len(kept.right), len(kept.right) // 100)
    curves = (kept.coverage, kept.accuracy, kept.separation)
    names = found.classes
    by_class = _class_curves(found)
    return dict(
        calibration=[
            ['from', 'to', 'pixels', 'mean confidence', 'accuracy'],
            *(
                [i / bins, (i + 1) / bins, int(p), float(c), float(a)]
                for i, (p, c, a) in enumerate(zip(*whole, strict=True))
            ),
        ],
        thresholds=[
            [
                *('threshold', 'coverage', 'accuracy', 'separation'),
                *(f'{what}/{name}' for name in names for what in by_class),
            ],
            *(
                [
                    i / len(kept.right),
                    *(float(curve[i]) for curve in curves),
                    *(
                        float(by_class[what][k][i])
                        for k in range(len(names))
                        for what in by_class
                    ),
                ]
                for i in steps
            ),
        ],
        classes=[
            [*numbers['classes'][0]],
            *(
                [np.nan if value is None else value for value in each.values()]
                for each in numbers['classes']
            ),
        ],
    )


def _class_curves(found: Analysis) -> dict[str, list[np.ndarray]]:
    """Return coverage and accuracy of every class over the thresholds."""
    counts = found.counts
    return dict(
        coverage=[Thresholds.of(each).coverage for each in counts.by_true],
        accuracy=[Thresholds.of(each).accuracy for each in counts.by_predicted],
    )


def _pictures(found: Analysis, numbers: dict[str, Any]) -> dict[str, np.ndarray]:
    whole = reliability(found.counts)
    kept = Thresholds.of(found.counts.by_true.sum(0))
    steps = np.arange(len(kept.right)) / len(kept.right)
    marks = {'threshold of the config': numbers['thresholds']['method']}
    marks['best separation'] = numbers['thresholds']['best']
    curves = {
        'accuracy of the kept pixels': kept.accuracy,
        'coverage: share that is kept': kept.coverage,
        'separation of right and wrong': kept.separation,
    }
    return dict(
        confusion=draw_confusion(found.counts.confusion.numpy(), found.classes),
        reliability=draw_reliability(
            whole.confidence,
            whole.accuracy,
            whole.pixels,
            f'ECE {100 * whole.error:.1f} %, {found.pixels:,} pixels',
        ),
        thresholds=draw_thresholds(
            {name: (steps, curve) for name, curve in curves.items()},
            {name: value for name, value in marks.items() if value is not None},
        ),
    )


def _curves(found: Analysis) -> dict[str, Any]:
    """Return what the page's charts show: for all pixels, then for every class."""
    counts = found.counts
    kept = Thresholds.of(counts.by_true.sum(0))
    by_class = _class_curves(found)
    bins = [reliability(counts), *(reliability(counts, i) for i in _indices(found))]
    return dict(
        coverage=[kept.coverage, *by_class['coverage']],
        accuracy=[kept.accuracy, *by_class['accuracy']],
        separation=[kept.separation],
        reliability=[(each.confidence, each.accuracy) for each in bins],
    )


def _indices(found: Analysis) -> range:
    return range(len(found.classes))
