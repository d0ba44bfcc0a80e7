"""Export the EMA teacher as a checkpoint of its own.

``python tools/export_teacher.py work_dirs/.../epoch_80.pth teacher.pth``;
the result is tested and used like any checkpoint of the same config.
"""

import argparse

from mmsemi.engine.hooks import teacher_checkpoint
from mmsemi.utils.checkpoint import read_checkpoint, write_checkpoint
from mmsemi.utils.cli import add_traceback_argument, run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='written by a run with EMATeacherHook')
    parser.add_argument('out', help='file to write')
    add_traceback_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the command line."""
    args = parse_args()
    checkpoint = read_checkpoint(args.checkpoint)
    try:
        teacher = teacher_checkpoint(checkpoint)
    except ValueError as error:
        raise ValueError(f'{args.checkpoint}: {error}') from error
    write_checkpoint(teacher, args.out)
    print(f'The EMA teacher of {args.checkpoint} is in {args.out}.')


if __name__ == '__main__':
    run_tool(main)
