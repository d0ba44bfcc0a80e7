"""Export a network to a file that runs without mmsemi.

For example,

    mmsemi export my.py best.pth
    mmsemi export my.py best.pth --format torch_export --output probabilities
    mmsemi export my.py best.pth --format mmseg -o plain/network.pth

The first writes `best.onnx` beside the checkpoint, for onnxruntime: images as
`cv2.imread` returns them in, classes out, for any number of images of any size.  The
file is compared with the network on validation images of the config.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .shared import CfgOptions, Checkpoint, ConfigFile, Traceback, TrustCheckpoint, load

SUFFIXES = {'.onnx': 'onnx', '.pt': 'torchscript', '.pt2': 'torch_export'}


def export(
    config: ConfigFile,
    checkpoint: Checkpoint,
    format: Annotated[
        Literal['onnx', 'torchscript', 'torch_export', 'mmseg'] | None,
        typer.Option(
            help='onnx: for onnxruntime; torchscript and torch_export: for PyTorch '
            'alone; mmseg: checkpoint and config for mmseg alone (default: as the '
            'suffix of --out says, else onnx)'
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option('--out', '-o', help='file to write (default: beside CHECKPOINT)'),
    ] = None,
    output: Annotated[
        Literal['classes', 'probabilities', 'logits'],
        typer.Option(help='what the file gives for every pixel'),
    ] = 'classes',
    teacher: Annotated[
        bool, typer.Option('--teacher', help='export the EMA teacher in the checkpoint')
    ] = False,
    images: Annotated[
        str | None,
        typer.Option(
            help='image, folder, or list (.txt) to compare on (default: the '
            'validation images of the config)'
        ),
    ] = None,
    num_images: Annotated[
        int, typer.Option(help='images to compare on, evenly spread', min=1)
    ] = 20,
    tolerance: Annotated[
        float,
        typer.Option(
            help='largest share of pixels that may be of another class; above it '
            'nothing is written',
            min=0,
            max=1,
        ),
    ] = 1e-4,
    opset: Annotated[
        int | None, typer.Option(help="version of ONNX's operators")
    ] = None,
    cfg_options: CfgOptions = None,
    trust_checkpoint: TrustCheckpoint = False,
    traceback: Traceback = False,
) -> None:
    """Export a network, and compare the file with it."""
    if format is None:
        format = SUFFIXES.get(out.suffix if out else '', 'onnx')
    if opset is not None and format != 'onnx':
        raise typer.BadParameter('--opset is of ONNX: leave it out')
    if output != 'classes' and format == 'mmseg':
        raise typer.BadParameter('--output is not of mmseg: leave it out')

    from mmsemi.apis import export, init_model
    from mmsemi.apis.exporting import default_file
    from mmsemi.apis.exporting.export import check_installed

    check_installed(format)
    cfg = load(config, cfg_options, trust_checkpoint=trust_checkpoint)
    model = init_model(cfg, checkpoint, 'cpu', teacher=teacher)
    exported = export(
        model,
        out or default_file(checkpoint, format, teacher),
        format,
        output,
        images,
        num_images,
        tolerance,
        opset,
    )
    exported.print()
