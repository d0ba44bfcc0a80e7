"""Convert a checkpoint of mmsemi to the released format.

``python tools/model_converters/to_released.py IN OUT`` writes the weights as
the released trainers of UniMatch, RankMatch, CorrMatch, PrevMatch, ST and
ST++ read them, without the rest (optimizer, epoch, scores).
``from_released.py`` converts it back exactly.
"""

import argparse
from collections.abc import Callable

from mmsemi.models.released import OURS_ALONE, release_state_dict
from mmsemi.utils.checkpoint import read_checkpoint, unwrap, write_checkpoint
from mmsemi.utils.cli import add_traceback_argument, run_tool

WRAPPINGS: dict[str, Callable[[dict], dict]] = dict(
    module=lambda state: dict(
        model={f'module.{name}': value for name, value in state.items()}
    ),
    model=lambda state: dict(model=state),
    plain=lambda state: state,
)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', metavar='IN', help='checkpoint of mmsemi')
    parser.add_argument('out', metavar='OUT', help='file to write')
    parser.add_argument(
        '--wrapping',
        choices=list(WRAPPINGS),
        default='module',
        help="module: under 'model', every name with the prefix `module.`, as "
        'distributed trainers write it (the default); model: without the prefix; '
        'plain: the state dict alone, as ST writes it',
    )
    add_traceback_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the command."""
    args = parse_args()
    state = unwrap(read_checkpoint(args.checkpoint))
    left = [name for name in OURS_ALONE if name in state]
    for name in left:
        del state[name]
    try:
        released = release_state_dict(state)
    except ValueError as error:
        raise ValueError(f'{args.checkpoint}: {error}') from error
    write_checkpoint(WRAPPINGS[args.wrapping](released), args.out)
    print(
        f'All {len(released)} tensors of the network in {args.checkpoint} '
        f'are in {args.out}' + (f', without {", ".join(left)}.' if left else '.')
    )


if __name__ == '__main__':
    run_tool(main)
