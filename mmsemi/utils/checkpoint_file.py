"""Tell at a glance what lies in the place of a checkpoint."""

import os
from pathlib import Path

# How files begin that are often found in the place of a checkpoint.
LFS = b'version https://git-lfs'
WEB_PAGE = (b'<!doctype html', b'<html')


def check_checkpoint_file(file: str | os.PathLike) -> None:
    """Check that there is a file that may be a checkpoint; reads its first bytes.

    Args:
        file (str or PathLike): The file.

    Raises:
        FileNotFoundError: There is none.
        IsADirectoryError: It is a folder.
        ValueError: It is empty, a pointer of Git LFS, or a web page.
    """
    path = Path(file)
    if path.is_dir():
        inside = sorted(path.glob('*.pth'), key=lambda found: found.stat().st_mtime)
        best = [found for found in inside if found.name.startswith('best_')]
        cure = f': name a file in it, such as {(best or inside)[-1]}' if inside else ''
        raise IsADirectoryError(f'{file} is a folder, not a checkpoint{cure}.')
    if not path.is_file():
        near = sorted(path.parent.glob('*.pth')) if path.parent.is_dir() else []
        cure = f' In its folder there is {near[-1].name}.' if near else ''
        raise FileNotFoundError(f'There is no file {file}.{cure}')
    with path.open('rb') as content:
        start = content.read(64)
    if not start:
        raise ValueError(
            f'{file} is empty: its download, copy or writing was interrupted. Take it '
            'from its source again, or use an earlier one.'
        )
    if start.startswith(LFS):
        raise ValueError(
            f'{file} is a pointer of Git LFS, not the checkpoint itself: run '
            '`git lfs pull` in its repository.'
        )
    if start.lstrip().lower().startswith(WEB_PAGE):
        raise ValueError(
            f'{file} is a web page, not a checkpoint: download it from the address '
            'that its page names.'
        )
