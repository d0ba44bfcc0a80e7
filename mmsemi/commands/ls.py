"""List the configs that come with mmsemi.

    mmsemi ls unimatch/camvid
    mmsemi ls 'rankmatch/*_r50'

A terminal shows one row for each method and data set; piped, each name is a line.
"""

import sys
from typing import Annotated

import typer

from mmsemi.utils.invocation import command
from mmsemi.utils.shipped import config_names

from .shared import Traceback


def ls(
    pattern: Annotated[
        str, typer.Argument(help='part of a name, or a pattern with * and ?')
    ] = '',
    traceback: Traceback = False,
) -> None:
    """List the configs that come with mmsemi."""
    from fnmatch import fnmatchcase

    wild = pattern if any(sign in pattern for sign in '*?[') else f'*{pattern}*'
    names = [name for name in config_names() if fnmatchcase(name, wild)]
    if not names:
        raise ValueError(
            f'No config of mmsemi has {pattern!r} in its name. `{command("ls")}` lists '
            'all.'
        )
    if not sys.stdout.isatty():
        print('\n'.join(names))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table('method', 'data', 'configs', title=f'{len(names)} configs')
    rows: dict[tuple[str, str], list[str]] = {}
    for name in names:
        method, _, rest = name.partition('/')
        data, _, setting = rest.partition('_')
        rows.setdefault((method, data), []).append(setting or '-')
    for (method, data), settings in rows.items():
        table.add_row(method, data, ' '.join(settings))
    Console().print(table)
    print('A config is named METHOD/DATA_CONFIG, as in', names[0])
