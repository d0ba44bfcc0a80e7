"""The results of a sweep: a row for each finished cell."""

import csv
import io
import json
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mmsemi.utils.files import write_whole
from mmsemi.version import __version__

from .cells import Cell, results_file

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = ('method', 'origin', 'split', 'seed', 'miou_last', 'miou_best')
LATER_COLUMNS = ('seconds_per_step', 'config', 'commit', 'options', 'settings')
IOU = 'iou_'


@dataclass(frozen=True)
class Row:
    """The result of a cell.

    Attributes:
        method (str): Name of the method.
        origin (str): 'published' or 'ours'.
        split (str): Name of the split, or ''.
        seed (int): Seed.
        miou_last (float): After the last step, percent.
        miou_best (float): At the best validation, percent.
        seconds_per_step (float, optional): Median over the log of the training,
            loading included; None if there is no log.
        config (str): Config.
        commit (str): Of mmsemi, or its version.
        options (str): Name of the options, or ''.
        settings (str): All settings, as after ``--cfg-options``.
        classes (dict[str, float | None]): IoU of each class after the last step,
            percent; None for a class that the images do not have.
    """

    method: str
    origin: str
    split: str
    seed: int
    miou_last: float
    miou_best: float
    seconds_per_step: float | None
    config: str
    commit: str
    options: str
    settings: str
    classes: dict[str, float | None] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Method, split, options and seed, which no other row has."""
        return self.method, self.split, self.options, self.seed


def row_of(cell: Cell) -> Row:
    """Read the result of a finished cell.

    Raises:
        ValueError: It has no scores, or not the one that counts.
    """
    file = results_file(cell.folder)
    entries = json.loads(file.read_text()) if file else []
    scores = [entry[cell.score] for entry in entries if _is_number(entry, cell.score)]
    if not scores:
        known = sorted({key for entry in entries for key in entry})
        raise ValueError(
            f'{file or cell.folder} has no {cell.score}'
            + (
                f', but {", ".join(known)}: name the score as `score`.'
                if known
                else '.'
            )
        )
    iou = cell.score.replace('mIoU', 'IoU')
    return Row(
        method=cell.method,
        origin=cell.origin,
        split=cell.split,
        seed=cell.seed,
        miou_last=scores[-1],
        miou_best=max(scores),
        seconds_per_step=seconds_per_step(file.parent),
        config=cell.config,
        commit=commit(),
        options=cell.options,
        settings=cell.said,
        classes={
            name: each.get(iou)
            for name, each in entries[-1].get('classes', {}).items()
            if iou in each
        },
    )


def _is_number(entry: dict, key: str) -> bool:
    return isinstance(entry.get(key), int | float)


def seconds_per_step(folder: Path) -> float | None:
    """Return the median time of a training step, seconds; None without a log."""
    times = []
    for file in folder.glob('*/vis_data/scalars.json'):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            # Without a prefix a validation's time has the same name.
            plain = entry.get('time') if 'loss' in entry else None
            value = entry.get('train/time', plain)
            if value is not None:
                times.append(value)
    return float(f'{statistics.median(times):.3g}') if times else None


def commit() -> str:
    """Return the commit of mmsemi; of an installed package the version."""
    if not (ROOT / '.git').exists():
        return __version__
    git = ['git', '-C', str(ROOT)]
    try:
        head = subprocess.run(
            [*git, 'rev-parse', '--short', 'HEAD'], capture_output=True, check=True
        )
        code = ['mmsemi', 'configs']
        changed = subprocess.run([*git, 'diff', '--quiet', 'HEAD', '--', *code])
    except (OSError, subprocess.CalledProcessError):
        return __version__
    return head.stdout.decode().strip() + ('-changed' if changed.returncode else '')


def as_csv(rows: Iterable[Row]) -> str:
    """Return rows as CSV, a column for each class that one of them has."""
    rows = list(rows)
    classes = list(dict.fromkeys(name for row in rows for name in row.classes))
    names = [IOU + name for name in classes]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow([*COLUMNS, *names, *LATER_COLUMNS])
    for row in rows:
        ious = [row.classes.get(name) for name in classes]
        own = [getattr(row, name) for name in COLUMNS]
        writer.writerow([*own, *ious, *(getattr(row, name) for name in LATER_COLUMNS)])
    return out.getvalue()


def write_csv(rows: Iterable[Row], file: Path) -> None:
    """Write rows, whole or not at all."""
    write_whole(file, as_csv(rows).encode())


def read_csv(file: Path) -> list[Row]:
    """Read rows; none if there is no such file.

    Raises:
        ValueError: It is no table of a sweep; the message names the line.
    """
    if not file.is_file():
        return []
    with file.open(newline='') as content:
        reader = csv.DictReader(content)
        missing = {*COLUMNS, *LATER_COLUMNS} - {*(reader.fieldnames or ())}
        if missing:
            raise ValueError(
                f'{file} is no table of a sweep: it lacks the columns '
                f'{", ".join(sorted(missing))}.'
            )
        rows = []
        for line in reader:
            try:
                rows.append(_row(line))
            except (TypeError, ValueError) as error:
                raise ValueError(f'{file}, line {reader.line_num}: {error}') from error
    return rows


def _row(line: dict[str, str]) -> Row:
    numbers = dict(
        seed=int(line['seed']),
        miou_last=float(line['miou_last']),
        miou_best=float(line['miou_best']),
        seconds_per_step=_number(line['seconds_per_step']),
    )
    texts = {n: line[n] for n in (*COLUMNS, *LATER_COLUMNS) if n not in numbers}
    classes = {
        name.removeprefix(IOU): _number(value)
        for name, value in line.items()
        if name and name.startswith(IOU)
    }
    return Row(**numbers, **texts, classes=classes)


def _number(text: str) -> float | None:
    return float(text) if text else None
