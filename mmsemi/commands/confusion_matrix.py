"""Count which classes a network confuses.

For example,

    mmsemi confusion-matrix my.py best.pth --out confusion.csv

evaluates the test images and prints, for each class in the masks (rows), the
percentage of its pixels that were predicted as each class (columns).  `--out`
writes the numbers of pixels.
"""

from pathlib import Path
from typing import Annotated

import typer

from .shared import (
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


def confusion_matrix(
    config: ConfigFile,
    checkpoint: Checkpoint,
    out: Annotated[
        Path | None, typer.Option(help='CSV file for the numbers of pixels')
    ] = None,
    device: Device = None,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Evaluate the test images of a config and print the confusion matrix."""
    from mmsemi.apis import init_model
    from mmsemi.apis.confusion import count, show, write_csv
    from mmsemi.engine import SemiRunner

    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    model = init_model(cfg, checkpoint, device)
    classes = [*model.dataset_meta['classes']]
    total = count(model, SemiRunner.build_dataloader(cfg.test_dataloader, seed=0))
    show(total, classes)
    if out:
        write_csv(total, classes, out)
