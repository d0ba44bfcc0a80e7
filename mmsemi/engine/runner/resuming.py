"""Which checkpoint a run goes on from."""

import logging
import os.path as osp
from pathlib import Path

from mmengine.logging import print_log

from mmsemi.utils.checkpoint import read_checkpoint

RESUMABLE = {'meta', 'state_dict', 'message_hub'}


def newest_whole_checkpoint(work_dir: str) -> str | None:
    """The last checkpoint of a work dir that can be read to its end.

    Newest is by the time of writing, whatever ``last_checkpoint`` says: a
    kill may have come before it moved.  The folder that it names is searched
    too.  Best checkpoints, which lack the optimiser, are passed over.

    Returns:
        str, optional: None where there are no checkpoints at all.

    Raises:
        ValueError: There are some, and all are damaged.
    """
    damaged = []
    for file in _candidates(work_dir):
        try:
            checkpoint = read_checkpoint(file)
        except (OSError, ValueError) as error:
            print_log(
                f'Passing over {file}: {error}', logger='current', level=logging.WARNING
            )
            damaged.append(str(file))
            continue
        if RESUMABLE <= checkpoint.keys():
            return str(file)
    if damaged:
        raise ValueError(
            f'No checkpoint of {work_dir} can be resumed from: '
            f'{", ".join(damaged)} cannot be read. Name another one by '
            '`--resume FILE`, or remove these to begin anew.'
        )
    return None


def _candidates(work_dir: str) -> list[Path]:
    """Checkpoints that are no best ones, newest first."""
    folders = {Path(work_dir)}
    pointer = Path(work_dir, 'last_checkpoint')
    if pointer.is_file():
        last = pointer.read_text(errors='replace').strip()
        if last and osp.isfile(last):
            folders.add(Path(last).parent)
    files = {
        file.resolve()
        for folder in folders
        for file in folder.glob('*.pth')
        if not file.name.startswith(('.', 'best_'))
    }
    return sorted(files, key=lambda file: file.stat().st_mtime_ns)[::-1]
