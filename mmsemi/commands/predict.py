"""Segment an image, a video, or all images of a folder.

For example,

    mmsemi predict photos/ my.py best.pth --out-dir results

writes class indices to `results/masks`, the same in color to `results/colors`
and over the image to `results/overlays`.
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


def predict(
    images: Annotated[Path, typer.Argument(help='image, video or folder of images')],
    config: ConfigFile,
    checkpoint: Checkpoint,
    out_dir: Annotated[Path, typer.Option(help='folder for the results')],
    opacity: Annotated[float, typer.Option(help='of the overlays, 0 to 1')] = 0.5,
    device: Device = None,
    amp: Amp = False,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> int:
    """Segment images into a folder; return 1 if some could not be read."""
    from mmsemi.apis import init_model, open_images
    from mmsemi.apis.outputs import OutputFolder
    from mmsemi.apis.predict import predict_to_files

    opened = open_images(images)
    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    model = init_model(cfg, checkpoint, device)
    meta = model.dataset_meta
    folder = OutputFolder(out_dir, meta['classes'], meta['palette'], opacity)
    report = predict_to_files(model, opened, folder, amp=amp)
    return report.print(f'{out_dir} (masks, colors, overlays)')
