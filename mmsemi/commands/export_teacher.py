"""Export the EMA teacher as a checkpoint of its own.

For example,

    mmsemi export-teacher work_dirs/.../epoch_80.pth teacher.pth

The result is tested and used like any checkpoint of the same config.
"""

from typing import Annotated

import typer

from .shared import Traceback


def export_teacher(
    checkpoint: Annotated[
        str, typer.Argument(help='written by a run with EMATeacherHook')
    ],
    out: Annotated[str, typer.Argument(help='file to write')],
    traceback: Traceback = False,
) -> None:
    """Write the teacher in a checkpoint to a file."""
    from mmsemi.engine.hooks import teacher_checkpoint
    from mmsemi.utils.checkpoint import read_checkpoint, write_checkpoint

    saved = read_checkpoint(checkpoint)
    try:
        teacher = teacher_checkpoint(saved)
    except ValueError as error:
        raise ValueError(f'{checkpoint}: {error}') from error
    write_checkpoint(teacher, out)
    print(f'The EMA teacher of {checkpoint} is in {out}.')
