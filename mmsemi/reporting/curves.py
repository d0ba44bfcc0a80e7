"""Choose and thin the curves of a report."""

import math
import re
from collections.abc import Sequence
from typing import Any

from .run import Point, Run

MOST = 400  # points of a curve: more than pixels show
TEACHER = 'teacher_'
HEALTH = 'Pseudo-labels and health'
FIRST = 'mask_ratio', 'conf_thresh', 'thresh', 'pseudo/coverage', 'pseudo/accuracy'
SHARES = re.compile(r'mask_ratio|pseudo/.+')  # drawn from 0 to 1
PSEUDO = re.compile(r'pseudo/(?:accuracy|coverage)/(.+)')
NOTES = {
    'loss': 'sum of all terms',
    'loss_sup': 'on labeled images',
    'loss_strong': 'on strong views',
    'loss_fp': 'on dropped features',
    'mask_ratio': 'share of pixels whose pseudo-label is confident',
    'conf_thresh': 'least confidence that counts',
    'thresh': 'least confidence that counts',
    'pseudo/coverage': 'share of the pixels of unlabeled images that are kept',
    'pseudo/accuracy': 'share of the kept pixels whose label is true',
    'pseudo_classes': 'classes among the pseudo-labels of a batch',
    'teacher_distance': 'of the weights, relative to the student',
    'agreement': 'share of pixels on which both networks agree',
    'lr': 'learning rate',
    'base_lr': 'learning rate before lr_mult',
    'time': 'seconds a step',
    'data_time': 'seconds of a step that wait for data',
    'memory': 'MiB on the device',
    'grad_norm': 'length of the gradient',
    'val/unpredicted_classes': 'classes that no pixel is predicted as',
    'val/share_of_best': 'score relative to the best so far',
    'val/aAcc': 'percent of all pixels that are correct',
    'val/mAcc': 'percent, mean recall of the classes',
    'val/mIoU': 'percent',
}


def chart_groups(runs: Sequence[Run]) -> tuple[list[dict], list[dict]]:
    """Return the charts of runs: what the page shows, and the data of each.

    Args:
        runs (Sequence[Run]): Without stages.

    Returns:
        tuple[list, list]: Groups with ``title`` and ``charts``; and for each chart
        its ``name``, ``series`` (``run``, ``x`` in steps, ``y``, ...), and
        whether to draw the ``whole`` range of a share.
    """
    names = dict.fromkeys(n for run in runs for n in run.scalars)
    scores = dict.fromkeys(
        n for run in runs for each in run.validations for n in each.scores
    )
    key = runs[0].score_key if runs else 'mIoU'
    shown_scores = [n for n in scores if not n.startswith(TEACHER)]
    shown_scores.sort(key=lambda n: n != key)
    known = {f'val/{n}' for n in scores}
    groups: dict[str, list[str]] = {
        'Validation': [f'val/{n}' for n in shown_scores],
        'Losses': sorted(
            (n for n in names if _is_loss(n)), key=lambda n: (n != 'loss', n)
        ),
        HEALTH: [],
        'Schedule': [n for n in ('lr', 'base_lr', 'momentum') if n in names],
        'Time and memory': [n for n in ('time', 'data_time', 'memory') if n in names],
    }
    if all(run.scalars.get('lr') == run.scalars.get('base_lr') for run in runs):
        groups['Schedule'] = [n for n in groups['Schedule'] if n != 'base_lr']
    of_classes = [n for n in names if PSEUDO.fullmatch(n)]
    listed = {n for group in groups.values() for n in group} | known
    listed |= {'base_lr', 'val/time', 'val/data_time', *of_classes}
    groups[HEALTH] = sorted((n for n in names if n not in listed), key=_place)

    data: list[dict[str, Any]] = []
    page = []
    for title, members in groups.items():
        charts = []
        for name in members:
            series = _series(runs, name)
            if series:
                note = NOTES.get(name, '')
                charts.append(dict(id=len(data), name=_title(name), note=note))
                whole = bool(SHARES.fullmatch(name))
                data.append(dict(name=_title(name), series=series, whole=whole))
        if charts:
            page.append(dict(title=title, charts=charts, closed=False))
    charts = []
    for name in dict.fromkeys(PSEUDO.fullmatch(n)[1] for n in of_classes):
        charts.append(dict(id=len(data), name=name, note='accuracy; dashed: coverage'))
        data.append(dict(name=name, series=_pseudo(runs, name), whole=True))
    if charts:
        place = 1 + [group['title'] for group in page].index(HEALTH)
        title = 'Pseudo-labels of each class'
        page.insert(place, dict(title=title, charts=charts, closed=len(charts) > 24))
    return page, data


def _place(name: str) -> tuple[int, bool]:
    """Return the place of a chart: what is kept first, validations' last."""
    first = FIRST.index(name) if name in FIRST else len(FIRST)
    return first, name.startswith('val/')


def _pseudo(runs: Sequence[Run], name: str) -> list[dict[str, Any]]:
    """Return accuracy and coverage of a class's pseudo-labels."""
    return [
        dict(each, label=score, dashed=score == 'coverage')
        for score in ('accuracy', 'coverage')
        for each in _series(runs, f'pseudo/{score}/{name}')
    ]


def _is_loss(name: str) -> bool:
    return bool(re.match(r'(.*\.)?loss', name))


def _title(name: str) -> str:
    return f'validation {name[4:]}' if name.startswith('val/') else name


def _series(runs: Sequence[Run], name: str) -> list[dict[str, Any]]:
    found = []
    for i, run in enumerate(runs):
        if name.startswith('val/'):
            score = name[4:]
            own = _scored(run, i, score, '')
            teacher = _scored(run, i, TEACHER + score, 'teacher', dashed=True)
            both = [each for each in (own, teacher) if each]
            if len(both) == 2:
                own['label'] = 'student'
            found += both
            if both:
                continue
        points = thinned(run.scalars.get(name, ()))
        if points:
            found.append(
                dict(
                    run=i,
                    x=[p.step for p in points],
                    y=[_round(p.value) for p in points],
                )
            )
    return found


def _scored(
    run: Run, index: int, score: str, label: str, dashed: bool = False
) -> dict[str, Any] | None:
    """Return the curve of a score, with its best and last value marked."""
    shown = [each for each in run.validations if score in each.scores]
    if not shown:
        return None
    best = shown.index(run.best(score))
    marks = [[len(shown) - 1, '●'], [best, '★']]
    if best == len(shown) - 1:
        marks = marks[1:]
    return dict(
        run=index,
        label=label,
        dashed=dashed,
        x=[each.step for each in shown],
        y=[_round(each.scores[score]) for each in shown],
        marks=marks,
    )


def thinned(points: Sequence[Point], most: int = MOST) -> list[Point]:
    """Average neighbors until at most so many points are left.

    Args:
        points (Sequence[Point]): In order.
        most (int): At most so many; the last point stays as it is.
    """
    points = list(points)
    size = math.ceil(len(points) / most) if points else 1
    if size == 1:
        return points
    found = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        values = [p.value for p in part if math.isfinite(p.value)]
        mean = sum(values) / len(values) if values else math.nan
        found.append(Point(part[-1].step, mean))
    return found


def _round(value: float) -> float | None:
    return float(f'{value:.5g}') if math.isfinite(value) else None
