"""Make the built-in data set, which the first training would make otherwise."""

import argparse

from mmsemi.datasets import ensure_scenes
from mmsemi.utils.cli import add_traceback_argument, run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'root',
        nargs='?',
        help='folder of the data set (default: scenes in $MMSEMI_DATA or data)',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--num-train', type=int, default=320)
    parser.add_argument('--num-val', type=int, default=80)
    parser.add_argument(
        '--size', type=int, nargs=2, default=(128, 96), metavar=('WIDTH', 'HEIGHT')
    )
    add_traceback_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the command."""
    args = parse_args()
    root = ensure_scenes(
        args.root, args.seed, args.num_train, args.num_val, tuple(args.size)
    )
    print(f'{args.num_train} training and {args.num_val} validation scenes in {root}')


if __name__ == '__main__':
    run_tool(main)
