"""Make the built-in data set, which the first training would make otherwise.

For example,

    mmsemi make-scenes
    mmsemi make-scenes data/harder --seed 1 --num-train 1000
"""

from typing import Annotated

import typer

from .shared import Traceback


def make_scenes(
    root: Annotated[
        str | None,
        typer.Argument(
            help='folder of the data set (default: scenes in $MMSEMI_DATA or data)'
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help='seed of the images')] = 0,
    num_train: Annotated[int, typer.Option(help='number of training images')] = 320,
    num_val: Annotated[int, typer.Option(help='number of validation images')] = 80,
    size: Annotated[
        tuple[int, int],
        typer.Option(metavar='WIDTH HEIGHT', help='of the images in pixels'),
    ] = (128, 96),
    traceback: Traceback = False,
) -> None:
    """Write the built-in data set."""
    from mmsemi.datasets import ensure_scenes

    made = ensure_scenes(root, seed, num_train, num_val, tuple(size))
    print(f'{num_train} training and {num_val} validation scenes in {made}')
