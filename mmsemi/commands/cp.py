"""Copy a config that comes with mmsemi, to change it.

    mmsemi cp rankmatch/pascal_1-16 my.py
    mmsemi cp rankmatch/pascal_1-16 my.py --inherit

The copy stands alone; with --inherit it names the config as its base, and holds
what you change.
"""

from pathlib import Path
from typing import Annotated

import typer

from mmsemi.utils.invocation import command

from .shared import ConfigFile, Traceback


def cp(
    config: ConfigFile,
    file: Annotated[
        Path, typer.Argument(help='file to write, *.py', show_default=False)
    ],
    inherit: Annotated[
        bool, typer.Option('--inherit', help="write `_base_ = 'mmsemi::...'` alone")
    ] = False,
    force: Annotated[
        bool, typer.Option('--force', help='replace the file if it exists')
    ] = False,
    traceback: Traceback = False,
) -> None:
    """Copy a config that comes with mmsemi."""
    from mmsemi.utils.shipped import CONFIGS, find_config

    source = Path(find_config(config)).resolve()
    if file.suffix != '.py':
        raise ValueError(f'{file}: a config is a Python file; name it {file.stem}.py.')
    if file.exists() and not force:
        raise FileExistsError(f'{file} exists. --force replaces it.')
    if inherit:
        if not source.is_relative_to(CONFIGS):
            raise ValueError(
                f'{config} is a file of your own: leave out --inherit, or name it '
                'in `_base_` yourself.'
            )
        name = source.relative_to(CONFIGS).as_posix()
        text = f"_base_ = 'mmsemi::{name}'\n"
    else:
        from mmsemi.utils.config import read_config

        text = read_config(source).pretty_text
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    print(f'{file} is written. Next: {command("train")} {file}')
