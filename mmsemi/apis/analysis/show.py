"""Print what an analysis found."""

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .write import PAGE

SHOWN = 40  # classes in the table


def show(numbers: dict[str, Any], folder: Path) -> None:
    """Print the scores of the classes, the findings, and where the rest lies.

    Args:
        numbers (dict): From :func:`write_analysis`.
        folder (Path): Where they were written.
    """
    console = Console()
    with_threshold = numbers['thresholds']['method'] is not None
    table = Table(box=box.SIMPLE)
    table.add_column('class', overflow='fold')
    columns = [
        'IoU',
        'ECE',
        *(['coverage', 'accuracy', 'taught'] if with_threshold else []),
    ]
    for column in columns:
        table.add_column(column, justify='right')
    keys = [column.lower() for column in columns]
    classes = sorted(numbers['classes'], key=lambda c: (c['iou'] is None, c['iou']))
    for each in classes[:SHOWN]:
        table.add_row(escape(each['name']), *(_percent(each[key]) for key in keys))
    whole = dict(
        iou=numbers['mIoU'], ece=numbers['calibration']['ece'], **_kept(numbers)
    )
    table.add_section()
    table.add_row('all', *(_percent(whole[key]) for key in keys), style='bold')
    console.print(table)
    if with_threshold:
        name = numbers['thresholds']['setting'].removeprefix('model.')
        console.print(
            f'Percent, at {name} = {numbers["thresholds"]["method"]:.3g}: coverage is '
            'the share of the pixels of a class that is kept, taught the share that is '
            'kept with the right label; accuracy is the share that is right of what is '
            'kept as the class.'
        )
    for text in numbers['findings'].values():
        console.print(escape(text))
    console.print(numbers['thresholds']['definition'])
    for each in numbers['worst'][:1]:
        console.print(
            f'Worst image: {escape(each["name"])} '
            f'(mean IoU {_percent(each["iou"])} %, worst in '
            f'{escape(each["worst_class"])}).'
        )
    print(f'{folder / PAGE} has it all; the numbers lie beside it.')


def _kept(numbers: dict[str, Any]) -> dict[str, float | None]:
    thresholds = numbers['thresholds']
    for row in thresholds['table']:
        if row['threshold'] == thresholds['method']:
            return dict(
                coverage=row['coverage'],
                accuracy=row['accuracy'],
                taught=row['coverage'] * (row['accuracy'] or 0),
            )
    return {}


def _percent(share: float | None) -> str:
    return '-' if share is None else f'{100 * share:.1f}'
