"""Analyze where a network is wrong, and how sure it is of it.

For example,

    mmsemi analyze my.py best.pth -o analysis
    mmsemi analyze my.py best.pth --list unlabeled --teacher

predicts the validation images and writes a page, `analysis/index.html`: confusion
matrix, calibration of the confidence, accuracy and coverage of each threshold in
total and for each class, whether another threshold than the config's `conf_thresh`
would be better, and pictures of the worst images.  All numbers lie beside it as
JSON, CSV and PNG.
"""

from pathlib import Path
from typing import Annotated

import typer

from .shared import (
    Amp,
    CfgOptions,
    Checkpoint,
    ConfigFile,
    Device,
    Launcher,
    LocalRank,
    Traceback,
    TrustCheckpoint,
    load,
)


def analyze(
    config: ConfigFile,
    checkpoint: Checkpoint,
    out: Annotated[
        Path | None,
        typer.Option(
            '--out',
            '-o',
            help='folder for page, tables and pictures; defaults to analysis beside '
            'the checkpoint',
        ),
    ] = None,
    images: Annotated[
        str,
        typer.Option(
            '--list',
            metavar='NAME or FILE',
            help='images with masks: val, test, labeled, unlabeled, or a file with '
            '"IMAGE MASK" lines',
        ),
    ] = 'val',
    worst: Annotated[int, typer.Option(help='images with a picture', min=0)] = 12,
    teacher: Annotated[
        bool,
        typer.Option('--teacher', help='analyze the EMA teacher in the checkpoint'),
    ] = False,
    device: Device = None,
    amp: Amp = False,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Predict images with masks, and write where and how the network errs."""
    from mmsemi.apis import analysis

    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    folder = out or Path(checkpoint).parent / 'analysis'
    found = analysis.analyze(
        cfg, checkpoint, folder, images, worst, teacher, device, amp
    )
    who = 'EMA teacher of ' * teacher
    title = f'{who}{Path(checkpoint).parent.name}/{Path(checkpoint).name} on {images}'
    analysis.show(analysis.write_analysis(found, folder, title), folder)
