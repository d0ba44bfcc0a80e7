"""Draw training samples as the network sees them.

For example,

    mmsemi browse rankmatch/pascal_1-16 --output-dir pictures

writes a picture for each of the first samples: the labeled image with its mask,
the weak view of the unlabeled image, and its strong views after CutMix.  Black
pixels are padding, or have no label.
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


def browse(
    config: ConfigFile,
    output_dir: Annotated[Path, typer.Option(help='folder for the pictures')],
    number: Annotated[int, typer.Option(help='number of samples')] = 10,
    seed: Annotated[int, typer.Option(help='seed of the samples')] = 0,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Draw the first training samples of a config."""
    from mmsemi.apis.browse import draw_samples

    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    written = draw_samples(cfg, output_dir, number, seed)
    print(f'{written} pictures are in {output_dir}.')
