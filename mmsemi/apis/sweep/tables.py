"""Tables of a sweep's results, as papers print them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from statistics import mean, median, stdev

from .layout import Number, Table
from .published import Published, config_name, published_scores
from .rows import Row

MEASURES = dict(last='after the last step', best='at the best validation')
PUBLISHED = (
    'published: what the authors report for the config, as it is; not measured here.'
)


def tables(
    rows: Sequence[Row],
    baseline: str = '',
    published: Mapping[str, Published] | None = None,
) -> list[Table]:
    """Make the tables of a sweep.

    - mIoU after the last step and at the best validation: mean and sample
      standard deviation over the seeds, with the published figures of the same
      configs;
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
    found = [_scores(rows, measure, known) for measure in MEASURES]
    if baseline:
        found += [_differences(rows, measure, baseline) for measure in MEASURES]
    splits = list(dict.fromkeys(row.split for row in rows))
    found += [_classes(rows, split) for split in splits]
    return [table for table in found if table.rows]


def _scores(
    rows: Sequence[Row], measure: str, published: Mapping[str, Published]
) -> Table:
    """Return mIoU by method and split, and what a step takes."""
    splits = list(dict.fromkeys(row.split for row in rows))
    groups = _group(rows, lambda row: (_label(row), row.split))
    methods = list(dict.fromkeys(map(_label, rows)))
    seeds = max(len(group) for group in groups.values())
    table = Table(
        f'mIoU {MEASURES[measure]}, mean ± standard deviation of {seeds} seeds',
        ['method', *map(_title, splits), *(['mean'] if splits[1:] else []), 's/step'],
    )
    for method in methods:
        cells = [
            _mean_sd([getattr(r, f'miou_{measure}') for r in groups[method, split]])
            for split in splits
        ]
        line: list = [method, *(_counted(cell, seeds) for cell in cells)]
        if splits[1:]:
            whole = all(cells)
            line.append(Number(mean(c.value for c in cells)) if whole else None)
        own = [row for row in rows if _label(row) == method]
        times = [r.seconds_per_step for r in own if r.seconds_per_step]
        table.rows.append([*line, Number(median(times), digits=3) if times else None])
        figures = [
            _published(groups[method, split], measure, published) for split in splits
        ]
        if any(figures):
            numbers = [f and Number(f, digits=1) for f in figures]
            fill = [None] * (len(table.head) - 1 - len(splits))
            table.rows.append([f'{method}, published', *numbers, *fill])
            table.note = PUBLISHED
    table.emphasize(range(1, 1 + len(splits) + (len(splits) > 1)), ', published')
    return table


def _published(
    group: Sequence[Row], measure: str, published: Mapping[str, Published]
) -> float | None:
    configs = {config_name(row.config) for row in group}
    found = published.get(configs.pop()) if len(configs) == 1 else None
    return found and getattr(found, measure)


def _differences(rows: Sequence[Row], measure: str, baseline: str) -> Table:
    """Return the differences to the baseline, of pairs of split and seed."""
    splits = list(dict.fromkeys(row.split for row in rows))
    several = splits[1:]
    table = Table(
        f'mIoU {MEASURES[measure]}: difference to {baseline}, mean ± standard error '
        'of the pairs with the same split and seed',
        ['method', *map(_title, splits), *(['all'] if several else []), 'pairs'],
    )
    base = {
        (row.split, row.seed, row.options): row
        for row in rows
        if row.method == baseline
    }
    plain = {(split, seed): row for (split, seed, _), row in reversed(base.items())}
    for method in dict.fromkeys(map(_label, rows)):
        pairs = defaultdict(list)
        for row in rows:
            key = row.split, row.seed
            other = base.get((*key, row.options)) or plain.get(key)
            if _label(row) == method and other and other is not row:
                name = f'miou_{measure}'
                pairs[row.split].append(getattr(row, name) - getattr(other, name))
        every = [value for values in pairs.values() for value in values]
        if every:
            parts = [_mean_se(pairs[split]) for split in splits]
            parts += [_mean_se(every)] if several else []
            table.rows.append([method, *parts, Number(len(every), digits=0)])
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


def _title(split: str) -> str:
    return split or 'mIoU'


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
