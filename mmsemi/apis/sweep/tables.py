"""Tables of a sweep's results, as papers print them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import sqrt
from statistics import mean, median, stdev
from typing import NamedTuple

from .layout import Number, Table
from .published import Published, config_name, published_scores
from .rows import Row

MEASURES = dict(last='after the last step', best='at the best validation')
PUBLISHED = (
    'published: what the authors report for the config, as it is; not measured here.'
)


class Column(NamedTuple):
    """A column of scores.

    Attributes:
        title (str): Its title.
        split (str): Of this split.
        measure (str): 'last' or 'best'.
    """

    title: str
    split: str
    measure: str


def tables(
    rows: Sequence[Row],
    baseline: str = '',
    published: Mapping[str, Published] | None = None,
) -> list[Table]:
    """Make the tables of a sweep.

    - mIoU after the last step and at the best validation: mean and sample
      standard deviation over the seeds, with the published figures of the same
      configs; in one table if there is one split;
    - differences to the baseline: of the cells with the same split and seed,
      mean and standard error;
    - IoU of each class after the last step, for each split.

    Args:
        rows (Sequence[Row]): Finished cells, of any methods.
        baseline (str): Method that the others are compared with; '' for none.
        published (Mapping[str, Published], optional): Published figures by
            config.  Defaults to those of the metafiles that come with mmsemi.

    Raises:
        ValueError: There is no row of the baseline, though there are others.
    """
    rows = list(rows)
    if not rows:
        return []
    if baseline and not any(row.method == baseline for row in rows):
        names = ', '.join(dict.fromkeys(row.method for row in rows))
        raise ValueError(f'There is no result of {baseline}; there are {names}.')
    known = published_scores() if published is None else published
    splits = list(dict.fromkeys(row.split for row in rows))
    found = []
    for title, columns in _layouts(splits):
        found.append(_scores(rows, title, columns, known))
    for title, columns in _layouts(splits) if baseline else ():
        found.append(_differences(rows, title, columns, baseline))
    found += [_classes(rows, split) for split in splits]
    return [table for table in found if table.rows]


def _layouts(splits: Sequence[str]) -> Iterator[tuple[str, list[Column]]]:
    """Yield the titles and columns of a kind of table."""
    if len(splits) == 1:
        (split,) = splits
        name = f', {split}' if split else ''
        yield f'mIoU{name}', [Column(measure, split, measure) for measure in MEASURES]
        return
    for measure, when in MEASURES.items():
        yield f'mIoU {when}', [Column(split, split, measure) for split in splits]


def _scores(
    rows: Sequence[Row],
    title: str,
    columns: Sequence[Column],
    published: Mapping[str, Published],
) -> Table:
    """Return mIoU by method, and what a step takes."""
    groups = _group(rows, lambda row: (_label(row), row.split))
    several = columns[0].split != columns[-1].split
    seeds = max(len(group) for group in groups.values())
    timed = any(row.seconds_per_step for row in rows)
    later = ['mean'] * several + ['s/step'] * timed
    table = Table(
        f'{title}, mean ± standard deviation of {seeds} seeds'
        if seeds > 1
        else f'{title}, one seed',
        ['method', *(column.title for column in columns), *later],
        kind='scores',
    )
    for method in dict.fromkeys(map(_label, rows)):
        own = [groups[method, column.split] for column in columns]
        cells = [
            _mean_sd([_score(row, column) for row in group])
            for group, column in zip(own, columns, strict=True)
        ]
        line: list = [method, *(_counted(cell, seeds) for cell in cells)]
        if several:
            whole = all(cells)
            line.append(Number(mean(c.value for c in cells)) if whole else None)
        times = [r.seconds_per_step for g in own for r in g if r.seconds_per_step]
        if timed:
            line.append(Number(median(times), digits=3) if times else None)
        table.rows.append(line)
        figures = [
            _published(group, column.measure, published)
            for group, column in zip(own, columns, strict=True)
        ]
        if any(figures):
            numbers = [f and Number(f, digits=1) for f in figures]
            table.rows.append([f'{method}, published', *numbers, *[None] * len(later)])
            table.note = PUBLISHED
    if seeds > 1:
        table.emphasize(range(1, len(table.head) - timed), ', published')
    return table


def _score(row: Row, column: Column) -> float:
    return row.miou_last if column.measure == 'last' else row.miou_best


def _published(
    group: Sequence[Row], measure: str, published: Mapping[str, Published]
) -> float | None:
    configs = {config_name(row.config) for row in group}
    found = published.get(configs.pop()) if len(configs) == 1 else None
    return found and getattr(found, measure)


def _differences(
    rows: Sequence[Row], title: str, columns: Sequence[Column], baseline: str
) -> Table:
    """Return the differences to the baseline, of pairs of split and seed."""
    several = columns[0].split != columns[-1].split
    table = Table(
        f'{title}: difference to {baseline}, mean ± standard error of the pairs with '
        'the same split and seed',
        ['method', *(c.title for c in columns), *['all'] * several, 'pairs'],
        kind='differences',
    )
    own = [row for row in rows if row.method == baseline]
    base = {(row.split, row.seed, row.options): row for row in own}
    plain = {(split, seed): row for (split, seed, _), row in reversed(base.items())}
    for method in dict.fromkeys(map(_label, rows)):
        pairs = [
            (row, other)
            for row in rows
            if _label(row) == method
            and (
                other := base.get((row.split, row.seed, row.options))
                or plain.get((row.split, row.seed))
            )
            and other is not row
        ]
        values = [
            [
                _score(row, column) - _score(other, column)
                for row, other in pairs
                if row.split == column.split
            ]
            for column in columns
        ]
        if pairs:
            parts = [_mean_se(each) for each in values]
            parts += [_mean_se([v for each in values for v in each])] if several else []
            table.rows.append([method, *parts, Number(len(pairs), digits=0)])
    return table


def _classes(rows: Sequence[Row], split: str) -> Table:
    """Return the IoU of each class by method, for a split."""
    rows = [row for row in rows if row.split == split]
    groups = _group(rows, _label)
    names = list(dict.fromkeys(name for row in rows for name in row.classes))
    table = Table(
        'IoU of each class after the last step'
        + (f', {split}' if split else '')
        + ', mean ± standard deviation',
        ['class', *groups],
        kind='classes',
    )
    for name in names:
        values = (
            [row.classes[name] for row in group if row.classes.get(name) is not None]
            for group in groups.values()
        )
        table.rows.append([name, *map(_mean_sd, values)])
    return table


def _label(row: Row) -> str:
    what = [row.options, 'ours' if row.origin == 'ours' else '']
    what = ', '.join(filter(None, what))
    return f'{row.method} ({what})' if what else row.method


def _group(rows: Iterable[Row], key: Callable) -> dict[object, list[Row]]:
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _mean_sd(values: Sequence[float]) -> Number | None:
    """Return mean and sample standard deviation; None of nothing."""
    if not values:
        return None
    spread = stdev(values) if len(values) > 1 else None
    return Number(mean(values), spread, len(values))


def _mean_se(values: Sequence[float]) -> Number | None:
    """Return mean and its standard error, with a sign; None of nothing."""
    if not values:
        return None
    spread = stdev(values) / sqrt(len(values)) if len(values) > 1 else None
    return Number(mean(values), spread, len(values), signed=True)


def _counted(number: Number | None, seeds: int) -> Number | None:
    """Let a number say its seeds if there are less than elsewhere."""
    if number and number.count < seeds:
        return number._replace(counted=True)
    return number
