"""Show how CorrMatch's label propagation changes an image's pseudo-labels.

For example,

    mmsemi corrmatch-pictures photo.jpg corrmatch/pascal_1-16 best.pth
        --points 120,80 300,200 --out-dir pictures

writes

- `before.png` and `after.png`: the confident pseudo-labels over the image,
  before and after propagation; other pixels show the image alone;
- `correlation_X_Y.png` for every point: the correlation of each pixel with
  that one, from dark to bright.
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


def point(text: str) -> tuple[int, int]:
    """Parse ``X,Y`` from the command line."""
    try:
        x, y = map(int, text.split(','))
    except ValueError:
        raise typer.BadParameter(f'{text!r} is not of the form X,Y') from None
    return x, y


def corrmatch_pictures(
    image: Annotated[str, typer.Argument(help='image file')],
    config: ConfigFile,
    checkpoint: Checkpoint,
    out_dir: Annotated[Path, typer.Option(help='folder for the pictures')],
    points: Annotated[
        list[str] | None,
        typer.Option(
            metavar='X,Y ...',
            help='pixels whose correlation to show; defaults to the center',
        ),
    ] = None,
    thresh: Annotated[
        float | None,
        typer.Option(help="confidence threshold; defaults to the checkpoint's"),
    ] = None,
    seed: Annotated[int, typer.Option(help='seed of the regions')] = 0,
    device: Device = None,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Draw the pseudo-labels of an image before and after propagation."""
    from mmsemi.apis import init_model
    from mmsemi.apis.corrmatch import draw_propagation

    pixels = [point(text) for text in points or ()]
    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    model = init_model(cfg, checkpoint, device)
    draw_propagation(model, image, out_dir, pixels, thresh, seed)
