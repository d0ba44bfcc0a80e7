"""Check a config's data before a long run.

For example,

    mmsemi check my/unimatch_r50.py

reads every file, compares the lists, counts the classes, and runs a training step
to predict the time, memory and disk of the whole training.  If that exceeds a day
or the memory, it measures settings that make it cheaper.  With `--checkpoint` it also
says which classes the strong views of labeled images cost a trained network, and by
which change.  The exit status is 1 if
there are errors.
"""

from pathlib import Path
from typing import Annotated

import typer

from .shared import (
    CfgOptions,
    ConfigFile,
    Launcher,
    LocalRank,
    Traceback,
    TrustCheckpoint,
    load,
)


def check(
    config: ConfigFile,
    json: Annotated[
        Path | None, typer.Option(help='also write the report to this file')
    ] = None,
    strict: Annotated[
        bool, typer.Option('--strict', help='treat warnings as errors')
    ] = False,
    no_step: Annotated[
        bool, typer.Option('--no-step', help='do not run a training step')
    ] = False,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help='a trained network: also compare its classes on weak and strong views '
            'of the labeled images'
        ),
    ] = None,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> int:
    """Check a config and its data; return the exit status."""
    from mmsemi.apis.check import run_check

    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    return run_check(cfg, config, json, strict, not no_step, checkpoint)
