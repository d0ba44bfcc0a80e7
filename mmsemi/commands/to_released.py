"""Convert a checkpoint of mmsemi to the released format.

For example,

    mmsemi to-released ours.pth theirs.pth

writes the weights as the released trainers of UniMatch, RankMatch, CorrMatch,
PrevMatch, ST and ST++ read them, without the rest (optimizer, epoch, scores).
`mmsemi from-released` converts it back exactly.
"""

from typing import Annotated, Literal

import typer

from .shared import Traceback


def to_released(
    checkpoint: Annotated[
        str, typer.Argument(metavar='IN', help='checkpoint of mmsemi')
    ],
    out: Annotated[str, typer.Argument(metavar='OUT', help='file to write')],
    wrapping: Annotated[
        Literal['module', 'model', 'plain'],
        typer.Option(
            help="module: under 'model', every name with the prefix `module.`, as "
            'distributed trainers write it; model: without the prefix; plain: the '
            'state dict alone, as ST writes it'
        ),
    ] = 'module',
    traceback: Traceback = False,
) -> None:
    """Convert a checkpoint to the released format."""
    from mmsemi.models.released import OURS_ALONE, release_state_dict
    from mmsemi.utils.checkpoint import read_checkpoint, unwrap, write_checkpoint

    state = unwrap(read_checkpoint(checkpoint))
    left = [name for name in OURS_ALONE if name in state]
    for name in left:
        del state[name]
    try:
        released = release_state_dict(state)
    except ValueError as error:
        raise ValueError(f'{checkpoint}: {error}') from error
    count = len(released)
    if wrapping == 'module':
        released = {f'module.{name}': value for name, value in released.items()}
    write_checkpoint(released if wrapping == 'plain' else dict(model=released), out)
    print(
        f'All {count} tensors of the network in {checkpoint} '
        f'are in {out}' + (f', without {", ".join(left)}.' if left else '.')
    )
