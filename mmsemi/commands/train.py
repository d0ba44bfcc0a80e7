"""Train a method.

For example,

    mmsemi train rankmatch/pascal_1-16
    mmsemi train my.py --cfg-options total_batch_size=8 crop_size=321
    mmsemi train my.py --resume
    mmsemi train my.py --work-dir s3://bucket/run --resume
"""

from typing import Annotated

import typer

from .processes import several_processes
from .shared import (
    CfgOptions,
    ConfigFile,
    Launcher,
    LocalRank,
    Traceback,
    TrustCheckpoint,
    load,
)


@several_processes()
def train(
    config: ConfigFile,
    work_dir: Annotated[
        str | None, typer.Option(help='folder for logs and checkpoints, or its address')
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar='[CHECKPOINT]',
            help='resume from the newest checkpoint of the work dir, or from the one '
            'named',
        ),
    ] = None,
    amp: Annotated[
        bool,
        typer.Option(
            '--amp',
            help='mixed precision: float16 on a GPU, bfloat16 on a CPU, unless the '
            'config names another dtype',
        ),
    ] = False,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Train as the command line says."""
    from mmsemi.apis.training import run_training

    cfg = load(config, cfg_options, launcher, trust_checkpoint, work_dir)
    run_training(cfg, True if resume == 'auto' else resume or False, amp)
