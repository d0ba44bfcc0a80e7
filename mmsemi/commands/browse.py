"""Draw training samples as they enter the network.

For example,

    mmsemi browse rankmatch/pascal_1-16 -o pictures

writes a grid for each of the first samples of a training: the labeled image and its
mask, the weak view of the unlabeled image and its valid pixels, each strong view,
its mix partner with the mix boxes, the mixed view, and where its pixels come from.
`→ network` or `→ teacher` behind a title says what enters which of them.  The method
itself mixes, with the random numbers of a training; no weights are needed.
`samples.csv` names the files.
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
    output_dir: Annotated[
        Path | None,
        typer.Option(
            '--output-dir',
            '-o',
            help='folder for the pictures; defaults to browse/NAME of the config',
        ),
    ] = None,
    number: Annotated[
        int, typer.Option(help='number of samples, a picture for each', min=1)
    ] = 4,
    seed: Annotated[
        int | None,
        typer.Option(help="seed of the training; defaults to the config's, or 0"),
    ] = None,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Draw the first training samples of a config."""
    from mmsemi.apis.browsing import draw_samples

    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    if output_dir is None:
        output_dir = Path('browse', Path(config).stem)
    written = draw_samples(cfg, output_dir, number, seed)
    print(f'{written} pictures are in {output_dir}.')
