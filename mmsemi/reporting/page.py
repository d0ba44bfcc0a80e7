"""Write the report of one or several runs: one page without a network."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mmsemi.utils.files import write_whole

from .albums import albums
from .comparison import Comparison, chips, missing_pieces, name_all, styles
from .config_text import differences
from .confusion import matrices
from .curves import TEACHER, chart_groups
from .filling import fill
from .reader import read_runs
from .rounds import self_training
from .run import Run, Validation, duration

# Of the environment: what the config says, or what says nothing.
UNTOLD = (
    *('numpy_random_seed', 'sys.platform', 'MUSA available'),
    *('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'seed'),
)


def write_report(
    work_dirs: Sequence[str | Path],
    out: str | Path,
    images: int = 4,
    times: int = 8,
    comparison: Comparison | None = None,
) -> list[Run]:
    """Read work dirs and write their report.

    Args:
        work_dirs (Sequence): Of one training or several.
        out (str or Path): The page, ``.html``.
        images (int): Pictures of each kind and run.  Defaults to 4.
        times (int): Times of each picture.  Defaults to 8.
        comparison (Comparison, optional): What a sweep knows of the runs.

    Returns:
        list[Run]: What was read.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A folder holds no training.
    """
    runs = read_runs(work_dirs)
    page = render(runs, time.time(), images, times, comparison)
    write_whole(out, page.encode())
    return runs


def render(
    runs: Sequence[Run],
    now: float,
    images: int = 4,
    times: int = 8,
    comparison: Comparison | None = None,
) -> str:
    """Return the page.

    Args:
        runs (Sequence[Run]): The runs, side by side; self-training's trainings
            stand side by side, too.
        now (float): Seconds since 1970.
        images (int): Pictures of each kind and run.
        times (int): Times of each picture.
        comparison (Comparison, optional): What a sweep knows of the runs.
    """
    comparison = comparison or Comparison()
    pairs = [(run, each) for run in runs for each in _trainings(run)]
    shown = [training for _, training in pairs]
    grouped = [comparison.group(*pair) for pair in pairs]
    groups, charts = chart_groups(shown)
    key = shown[0].score_key
    shown_together = chips(grouped)
    first_of_each = [shown[chip['runs'][0]] for chip in shown_together]
    described = [
        dict(_describe(run, now, key), **style)
        for run, style in zip(shown, styles(grouped), strict=True)
    ]
    names = list(dict.fromkeys(n for run in shown for n in run.class_names))
    scores = _class_scores(shown)
    context: dict[str, Any] = dict(
        title=comparison.title or _title(runs),
        tables=comparison.tables,
        chips=shown_together,
        subtitle=f'mmsemi run report, {datetime.fromtimestamp(now):%Y-%m-%d %H:%M}',
        runs=described,
        key=key,
        score_note=f'{key} in percent. The best score is chosen on the validation '
        'set, the last one is not.',
        has_teacher=any(run['teacher_last'] is not None for run in described),
        has_epochs=all(run.epoch_length for run in shown),
        warnings=[
            dict(run=run.name, step=w.step, text=w.text, count=w.count)
            for run in shown
            for w in run.warnings
        ],
        missing=missing_pieces(shown),
        self_training=self_training(runs, now, key),
        groups=groups,
        classes=_class_rows(shown, names, scores),
        class_scores=scores,
        matrices=[m for run in shown for m in matrices(run)],
        albums=albums(shown, images, times),
        config_differences=differences([run.config for run in first_of_each]),
        environment=_environment(shown),
    )
    context['sections'] = [
        (id_, name)
        for id_, name, there in (
            ('comparison', 'Comparison', comparison.tables),
            ('summary', 'Summary', True),
            ('rounds', 'Self-training', context['self_training']),
            ('curves', 'Curves', groups),
            ('classes', 'Classes', context['classes']),
            ('confusion', 'Confusion', context['matrices']),
            ('pictures', 'Pictures', context['albums']),
            ('config', 'Config', True),
            ('cost', 'Cost', True),
            ('environment', 'Environment', True),
        )
        if there
    ]
    data = dict(
        runs=[
            dict(
                name=run.name,
                color=each['color'],
                dash=each['dash'],
                epoch_length=run.epoch_length,
                classes=dict(best=_classes(run.best()), last=_classes(run.last)),
            )
            for run, each in zip(shown, described, strict=True)
        ],
        charts=charts,
    )
    return fill('report.html', context, data)


def _trainings(run: Run) -> list[Run]:
    """Return the run, or the trainings of its stages."""
    if not run.stages:
        return [run]
    trained = [s for s in run.stages if s.scalars or s.validations]
    return trained or run.stages[:1]


def _title(runs: Sequence[Run]) -> str:
    names = [run.name for run in runs]
    if len(names) > 3:
        return f'{names[0]}, {names[1]} and {len(names) - 2} more runs'
    return ' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))


def _describe(run: Run, now: float, key: str) -> dict[str, Any]:
    """Collect what the summary and the costs say about a run."""
    best, last = run.best(key), run.last
    teacher_best = run.best(TEACHER + key)
    step_time, loading = run.mean('time'), run.mean('data_time')
    memory = [p.value for p in run.scalars.get('memory', ())]
    environment = run.environment
    gpus = [value for name, value in environment.items() if name.startswith('GPU 0')]
    return dict(
        name=run.name,
        method=run.method,
        dataset=run.dataset,
        state=run.state(now),
        best=_score(best, key),
        best_step=best.step if best else '',
        best_at=_when(run, best),
        last=_score(last, key),
        teacher_best=_score(teacher_best, TEACHER + key),
        teacher_last=_score(last, TEACHER + key),
        steps=run.steps,
        total=run.total_steps if run.total_steps != run.steps else None,
        seconds=run.seconds,
        time=duration(run.seconds) if run.logs else '–',
        seed='–' if run.seed is None else run.seed,
        step_time=step_time,
        loading=100 * loading / step_time
        if step_time and loading is not None
        else None,
        memory=max(memory) if memory else None,
        disk=sum(f.stat().st_size for f in run.work_dir.glob('*.pth')) / 2**20,
        processes=environment.get('GPU number', '–'),
        device=', '.join(gpus) or ('CPU' if environment else '–'),
        config=[(name, repr(value)) for name, value in sorted(run.config.items())],
    )


def _score(validation: Validation | None, key: str) -> float | None:
    return validation.scores.get(key) if validation else None


def _when(run: Run, validation: Validation | None) -> str:
    if validation is None:
        return '–'
    if run.by_epoch:
        return f'epoch {validation.epoch}'
    return f'step {validation.step}'


def _classes(validation: Validation | None) -> dict[str, dict[str, float | None]]:
    return validation.classes if validation else {}


def _class_scores(runs: Sequence[Run]) -> list[str]:
    """Return the names of the scores of classes, IoU first."""
    found = dict.fromkeys(
        score
        for run in runs
        for validation in run.validations
        for scores in validation.classes.values()
        for score in scores
    )
    return sorted(found, key=lambda name: name != 'IoU')


def _class_rows(
    runs: Sequence[Run], names: Sequence[str], scores: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the first score of every class, with that of their mean before."""
    if not scores:
        return []
    found = [
        [_classes(run.best()).get(name, {}).get(scores[0]) for run in runs]
        for name in names
    ]
    columns = [
        [v for v in column if v is not None] for column in zip(*found, strict=True)
    ]
    means = [sum(c) / len(c) if c else None for c in columns]
    rows = zip(['mean of the classes', *names], [means, *found], strict=True)
    return [dict(name=name, best=values) for name, values in rows]


def _environment(runs: Sequence[Run]) -> tuple[list[str], dict[str, list[str | None]]]:
    """Return what runs had, with a column for those that had the same."""
    names = dict.fromkeys(n for run in runs for n in run.environment)
    alike: dict[tuple[str | None, ...], list[str]] = {}
    kept = [name for name in names if name not in UNTOLD]
    for run in runs:
        values = tuple(run.environment.get(name) for name in kept)
        alike.setdefault(values, []).append(run.name)
    heads = [name_all(members, len(runs)) for members in alike.values()]
    return heads, dict(zip(kept, map(list, zip(*alike, strict=True)), strict=True))
