"""Convert a released checkpoint to one of mmsemi.

For example,

    mmsemi from-released theirs.pth ours.pth --config unimatch/pascal_1-16

accepts the networks of UniMatch, RankMatch, CorrMatch, PrevMatch (DeepLabV3+
on ResNet or Xception-65), ST and ST++ (DeepLabV3+, PSPNet, DeepLabV2) and
UniMatch V2 (DINOv2), as their trainers save them. The result is a checkpoint
of CONFIG like any other. Without CONFIG the network is recognised by its
tensors, and the result holds no class names.
"""

from typing import Annotated

import typer

from .shared import Traceback


def from_released(
    checkpoint: Annotated[
        str, typer.Argument(metavar='IN', help='released checkpoint')
    ],
    out: Annotated[str, typer.Argument(metavar='OUT', help='file to write')],
    config: Annotated[str | None, typer.Option(help='config of the network')] = None,
    teacher: Annotated[
        bool,
        typer.Option(
            '--teacher',
            help='convert the EMA teacher, whose scores UniMatch V2 publishes, '
            'instead of the network itself',
        ),
    ] = False,
    traceback: Traceback = False,
) -> None:
    """Convert a released checkpoint."""
    from mmsemi.apis.released import convert_checkpoint

    convert_checkpoint(checkpoint, out, config, teacher)
