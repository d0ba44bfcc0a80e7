"""Read the work dir of a training: whole, in progress, killed or in pieces."""

import csv
import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .config_text import read_settings
from .log_file import read_log
from .run import Picture, Point, Run, Validation

STAMP = re.compile(r'\d{8}_\d{6}')  # a folder of MMEngine, one for each process
STAGE = re.compile(r'(\d+)_(supervised|reliability|pseudo_labels|retraining)')
PICTURE = re.compile(r'([a-z]+)_(.+)_(\d+)\.(?:png|jpg)')
CLASS_SCORE = re.compile(r'(.*?(?:IoU|Acc|Precision|Recall))/(.+)')
COUNTERS = ('epoch', 'iter', 'step')


def read_runs(folders: Sequence[str | Path]) -> list[Run]:
    """Read several work dirs; the runs get names that tell them apart.

    Args:
        folders (Sequence): The work dirs.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A folder holds no training, or is named twice.
    """
    paths = [Path(folder) for folder in folders]
    resolved = [path.resolve() for path in paths]
    for path in paths:
        if resolved.count(path.resolve()) > 1:
            raise ValueError(f'{path} is named twice: name every run once.')
    return [
        read_run(path, name) for path, name in zip(paths, _names(resolved), strict=True)
    ]


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest ends of paths that tell them apart."""
    for parts in range(1, max((len(path.parts) for path in paths), default=1) + 1):
        names = ['/'.join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names


def read_run(work_dir: str | Path, name: str | None = None) -> Run:
    """Read the work dir of a training.

    What is not there is named in ``missing`` and left out.  Files that a run is
    writing at the moment are read as far as they are whole.

    Args:
        work_dir (str or Path): The folder, ``--work-dir`` of the training.
        name (str, optional): Name of the run.  Defaults to that of the folder.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It holds no training.
    """
    work_dir = Path(work_dir)
    if not work_dir.is_dir():
        raise FileNotFoundError(
            f'{work_dir} is no folder: name the --work-dir of a training, '
            'such as work_dirs/NAME.'
        )
    run = Run(work_dir, name or work_dir.resolve().name)
    for stage in _stages(work_dir):
        run.stages.append(read_run(stage, f'{run.name} · {stage.name}'))
    _read_processes(run)
    _read_config(run)
    _read_results(run)
    run.marked_finished = (work_dir / 'finished.json').is_file()
    run.reliability = _read_reliability(work_dir / 'reliability.csv')
    labels = work_dir / 'pseudo_labels.txt'
    if labels.is_file():
        with open(labels, encoding='utf-8') as lines:
            run.labeled_images = sum(1 for line in lines if line.strip())
    accuracy = work_dir / 'accuracy.json'
    if accuracy.is_file():
        run.label_accuracy = json.loads(accuracy.read_text(encoding='utf-8'))
    if run.stages:
        first = run.stages[0]
        run.settings = run.settings or first.settings
        run.reliability = next((s.reliability for s in run.stages if s.reliability), {})
        run.modified = max(stage.modified for stage in run.stages)
        run.missing.clear()
    elif not (run.settings or run.logs or run.validations or run.scalars):
        raise ValueError(_no_training(work_dir))
    return run


def _stages(work_dir: Path) -> list[Path]:
    """Return the folders of self-training's stages, in order."""
    found = [p for p in work_dir.iterdir() if p.is_dir() and STAGE.fullmatch(p.name)]
    return sorted(found, key=lambda path: int(path.name.partition('_')[0]))


def _no_training(folder: Path) -> str:
    """Say which folder was meant."""
    if STAMP.fullmatch(folder.resolve().name) or folder.name == 'vis_data':
        return (
            f'{folder} is a part of a work dir: name the work dir itself, '
            'in which results.json and the checkpoints are.'
        )
    inside = sorted(
        child
        for child in folder.iterdir()
        if child.is_dir()
        and any(
            STAMP.fullmatch(p.name) or STAGE.fullmatch(p.name) for p in child.iterdir()
        )
    )
    if inside:
        named = ' '.join(map(str, inside[:4])) + (' ...' if len(inside) > 4 else '')
        return (
            f'{folder} holds no training itself, but others: name them, as in {named}'
        )
    return (
        f'{folder} holds no training: no log, no config and no results.json. Name '
        'the --work-dir of a training, such as work_dirs/NAME.'
    )


# Logs, scalars and pictures: a folder for each process


def _read_processes(run: Run) -> None:
    folders = sorted(p for p in run.work_dir.glob('*') if STAMP.fullmatch(p.name))
    logged: list[list[dict[str, Any]]] = []
    for folder in folders:
        file = folder / f'{folder.name}.log'
        rows = _scalar_rows(folder / 'vis_data', folder.name)
        run.modified = max([run.modified, *_times(file, folder / 'vis_data')])
        log = read_log(file) if file.is_file() else None
        # `mmsemi test` writes such folders, too, for which no step is logged.
        if log and (log.trains or folder is folders[-1] and not run.logs):
            run.logs.append(log)
        if any('iter' in row for row in rows):
            logged.append(rows)
        run.pictures += _find_pictures(folder / 'vis_data' / 'vis_image')
    if not run.logs:
        run.missing.append('The log: times, environment and warnings are unknown.')
    run.scalars = _join(logged)
    if not run.scalars:
        run.missing.append(
            'Curves: no vis_data/scalars.json with a step of training, which the '
            "config's dict(type='LocalVisBackend') in visualizer.vis_backends writes."
        )
    run.pictures = sorted({(p.kind, p.image, p.time): p for p in run.pictures}.values())
    if not run.pictures:
        run.missing.append(
            'Pictures: none in vis_data/vis_image; default_hooks.pictures draws them.'
        )


def _times(*paths: Path) -> Iterable[float]:
    for path in paths:
        if path.exists():
            yield path.stat().st_mtime
        if path.is_dir():
            yield from (p.stat().st_mtime for p in path.iterdir())


def _scalar_rows(folder: Path, stamp: str) -> list[dict[str, Any]]:
    for file in (folder / 'scalars.json', folder / f'{stamp}.json'):
        if file.is_file():
            return list(_json_lines(file))
    return []


def _json_lines(file: Path) -> Iterable[dict[str, Any]]:
    """Yield the rows of a file; the last one may be cut off."""
    with open(file, encoding='utf-8', errors='replace') as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _join(processes: Sequence[list[dict[str, Any]]]) -> dict[str, list[Point]]:
    """Join the rows of a run's processes.

    A process that resumes repeats the steps after its checkpoint: the earlier
    values of these do not count.
    """
    found: dict[str, list[Point]] = {}
    for rows in processes:
        start = min(row['iter'] for row in rows if 'iter' in row)
        for points in found.values():
            while points and points[-1].step >= start:
                points.pop()
        step = start
        for row in rows:
            step = row.get('iter', step)  # a validation's follows the training's
            for name, value in row.items():
                if name in COUNTERS or not isinstance(value, int | float):
                    continue
                name = name.removeprefix('train/')
                if not CLASS_SCORE.fullmatch(name):
                    found.setdefault(name, []).append(Point(step, float(value)))
    return {name: points for name, points in found.items() if points}


def _find_pictures(folder: Path) -> Iterable[Picture]:
    if folder.is_dir():
        for file in folder.iterdir():
            if match := PICTURE.fullmatch(file.name):
                yield Picture(match[1], match[2], int(match[3]), file)


# The config and the scores


def _read_config(run: Run) -> None:
    files = sorted(run.work_dir.glob('*/vis_data/config.py'), reverse=True)
    files += sorted(run.work_dir.glob('*.py'))
    for file in files:
        try:
            run.settings = read_settings(file)
            return
        except ValueError:
            continue
    run.missing.append('The config: no NAME.py that the run has saved.')


def _read_results(run: Run) -> None:
    file = run.work_dir / 'results.json'
    if not file.is_file():
        run.missing.append('Scores: no results.json; a validation writes it.')
        return
    try:
        rows = json.loads(file.read_text(encoding='utf-8'))
        if not isinstance(rows, list):
            raise TypeError(f'{file} is no list')
        run.validations = [_validation(row, run.work_dir) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError):
        run.missing.append(f'Scores: {file} is damaged.')
        return
    if not run.validations:
        run.missing.append('Scores: no validation is complete.')
    elif not any(each.confusion for each in run.validations):
        run.missing.append(
            'The confusion matrix: results.json has none; it is written with '
            "val_evaluator=dict(type='ConfusionIoUMetric')."
        )


def _validation(row: dict[str, Any], work_dir: Path) -> Validation:
    found = Validation(int(row['epoch']), int(row['iter']))
    for name, value in row.items():
        if name in COUNTERS or not isinstance(value, int | float):
            continue
        if match := CLASS_SCORE.fullmatch(name):
            score = None if math.isnan(value) else float(value)
            found.classes.setdefault(match[2], {})[match[1]] = score
        elif not math.isnan(value):
            found.scores[name] = float(value)
    for name, scores in (row.get('classes') or {}).items():
        found.classes.setdefault(name, {}).update(scores)
    found.confusion = _confusion(row.get('confusion'), work_dir)
    return found


def _confusion(content: Any, work_dir: Path) -> list[list[int]] | None:
    """Return a matrix that results.json holds, or that of the file it names."""
    if isinstance(content, str):
        file = work_dir / content
        if not file.is_file():
            return None
        content = json.loads(file.read_text(encoding='utf-8'))['confusion']
    return content or None


def _read_reliability(file: Path) -> dict[str, float]:
    if not file.is_file():
        return {}
    with open(file, encoding='utf-8', newline='') as lines:
        return {
            row['image']: float(row['reliability']) for row in csv.DictReader(lines)
        }
