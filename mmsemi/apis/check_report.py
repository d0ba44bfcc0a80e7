"""Print the report of a check as tables."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmsemi.preparation.inspection import ERROR

GIB = 2**30
BUSY = 0.3  # share of a step that other programs may take without a word


def show(console: Console, report: dict) -> None:
    """Print the report as tables."""
    table = Table(title='Lists (sizes as width x height)')
    for column in ('list', 'images', 'readable', 'smallest', 'median', 'largest'):
        table.add_column(column, justify='right')
    for name, row in report['lists'].items():
        sizes = [
            'x'.join(map(str, row[key])) for key in ('smallest', 'median', 'largest')
        ]
        table.add_row(name, str(row['images']), str(row['readable']), *sizes)
    console.print(table)

    if report['classes']:
        table = Table(title='Classes')
        for column in (
            'class',
            'labeled pixels',
            'labeled images',
            'val pixels',
            'val images',
        ):
            table.add_column(column, justify='right')
        for row in report['classes']:
            cells = [escape(row['name'])]
            for name in ('labeled', 'val'):
                share = row.get(f'{name}_share')
                cells += (
                    ['-', '-']
                    if share is None
                    else [f'{share:.2%}', str(row[f'{name}_images'])]
                )
            table.add_row(*cells)
        console.print(table)

    cost = report['cost']
    if cost:
        console.print(
            f'A step takes {cost["memory"] / 2**30:.2f} GiB and '
            f'{cost["step"]:.2f} s, its samples {cost["load"]:.2f} s in one '
            f'worker; an epoch of {cost["steps"]} steps about '
            f'{cost["epoch"] / 60:.1f} min ({cost["how"]}).',
            highlight=False,
        )
        if cost['shared'] > BUSY:
            console.print(
                f'[yellow]Other programs had the processors for {cost["shared"]:.0%} '
                'of the step: on an idle machine it is faster.',
                highlight=False,
            )
    if report['training']:
        show_training(console, report['training'])
    if report['views']:
        show_views(console, report['views'])
    for finding in report['findings']:
        colour = 'red' if finding['level'] == ERROR else 'yellow'
        console.print(
            f'[{colour}]{finding["level"]}[/] '
            f'({finding["check"]}) {escape(finding["message"])}',
            highlight=False,
            soft_wrap=True,
        )


def show_training(console: Console, row: dict) -> None:
    """Print what the whole training costs, and what would make it cheaper.

    Args:
        console (Console): Where to print.
        row (dict): Fields of :class:`.check_cost.Whole`.
    """
    shares = [f'{row["steps"]} steps {hours(row["training"])}']
    if row['validations']:
        shares.append(f'{row["validations"]} validations {hours(row["validation"])}')
    if row['labeling']:
        shares.append(f'labeling {hours(row["labeling"])}')
    console.print(
        f'[bold]The whole training takes about {hours(row["seconds"])}[/] '
        f'({", ".join(shares)}), {row["memory"] / GIB:.1f} of '
        f'{row["memory_limit"] / GIB:.1f} GiB of memory and up to '
        f'{row["disk"] / GIB:.1f} GiB of disk for checkpoints.',
        highlight=False,
    )
    for share in row['shares']:
        console.print(
            f'Sharded over {share["processes"]} processes, a step takes about '
            f'{share["memory"] / GIB:.2f} GiB on each, of which '
            f'{share["held"] / GIB:.2f} are its share of weights, moments and teacher.',
            highlight=False,
        )
    if not row['options']:
        return
    table = Table(title='What makes it cheaper', show_lines=True)
    for column in ('instead', 'whole training', 'memory', 'how'):
        table.add_column(column, overflow='fold')
    for option in row['options']:
        table.add_row(
            option['what'],
            hours(option['seconds']),
            f'{option["memory"] / GIB:.1f} GiB',
            escape(option['how']),
        )
    console.print(table)


def show_views(console: Console, views: dict) -> None:
    """Print the IoU of each class on weak and strong views.

    Changes that alone change no class by a point are named below the table.

    Args:
        console (Console): Where to print.
        views (dict): Of :func:`.check_views.view_rows`.
    """
    weak = views['weak']
    felt = {
        name: iou
        for name, iou in views['alone'].items()
        if any(
            a is not None and abs(a - b) >= 0.01 for a, b in zip(weak, iou, strict=True)
        )
    }
    columns = dict(weak=weak, strong=views['strong'])
    columns |= {f'only {name}': iou for name, iou in felt.items()}
    table = Table(title=f'IoU on views of {views["images"]} labeled images')
    for name in ('class', *columns):
        table.add_column(name.replace(' ', '\n'), justify='right')
    for i, name in enumerate(views['classes']):
        cells = [iou[i] for iou in columns.values()]
        table.add_row(
            escape(name), *('-' if v is None else f'{100 * v:.1f}' for v in cells)
        )
    console.print(table)
    if idle := [name for name in views['alone'] if name not in felt]:
        console.print(
            f'Alone, none of these changes a class by a point: {", ".join(idle)}.'
        )


def hours(seconds: float) -> str:
    """Write a duration: ``40 s``, ``3 min``, ``2.5 h``, ``6.3 days``."""
    for unit, size in (('days', 86400), ('h', 3600), ('min', 60)):
        if seconds >= 1.5 * size:
            return f'{seconds / size:.{0 if unit == "min" else 1}f} {unit}'
    return f'{seconds:.0f} s'
