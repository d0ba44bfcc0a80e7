"""The command ``mmsemi``: all commands in one."""

from typing import Annotated

import typer

from mmsemi.utils.cli import run_tool
from mmsemi.utils.stack import check_stack
from mmsemi.version import __version__

from .analyze import analyze
from .browse import browse
from .check import check
from .confusion_matrix import confusion_matrix
from .convert_masks import convert_masks
from .corrmatch_pictures import corrmatch_pictures
from .cp import cp
from .demo import demo
from .doctor import doctor
from .export import export
from .export_teacher import export_teacher
from .from_released import from_released
from .init import init
from .ls import ls
from .make_scenes import make_scenes
from .predict import predict
from .report import report
from .shard import shard
from .shared import add_command, new_app, run_app, with_examples
from .splits import splits
from .sweep import sweep
from .test import test
from .to_released import to_released
from .train import train

# By the help's panels; a command is named like its function.
COMMANDS = {
    'Train and use': (
        ls,
        cp,
        init,
        check,
        train,
        test,
        predict,
        export,
        sweep,
        demo,
        doctor,
    ),
    'Data': (splits, make_scenes, shard, browse),
    'Look closer': (report, analyze, confusion_matrix, corrmatch_pictures),
    'Checkpoints': (export_teacher, from_released, to_released),
}
HELP = """Semi-supervised semantic segmentation on OpenMMLab.

From folders of images to a trained network:

    mmsemi init --images photos --masks masks --classes classes.txt --out my
    mmsemi check my/unimatch_r50.py
    mmsemi train my/unimatch_r50.py

`mmsemi COMMAND --help` has the arguments of each command, with examples.
"""
app = new_app(add_completion=True, help=with_examples(HELP), no_args_is_help=True)
for panel, functions in COMMANDS.items():
    for function in functions:
        add_command(app, function, function.__name__.replace('_', '-'), panel=panel)
app.add_typer(convert_masks, name='convert-masks', rich_help_panel='Data')


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            '--version',
            help='print the version',
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""
    if context.invoked_subcommand != 'doctor':
        check_stack()


def run() -> None:
    """Run the command line; an expected error is one message."""
    run_tool(lambda: run_app(app, 'mmsemi'))
