"""Find the configs that come with mmsemi by their names.

The name of a config is its path below ``configs``, without ``.py``, as in
``rankmatch/pascal_1-16``.
"""

import difflib
import os
import os.path as osp
from pathlib import Path

from .invocation import command

# A link in a checkout; a wheel has the files there, where MMEngine expects them.
CONFIGS = (Path(__file__).resolve().parents[1] / '.mim/configs').resolve()


def config_names() -> list[str]:
    """List the names of all configs that can be trained, sorted."""
    return sorted(
        path.relative_to(CONFIGS).with_suffix('').as_posix()
        for path in CONFIGS.glob('*/*.py')
        if path.parent.name not in ('_base_', 'my')
    )


def find_config(config: str | os.PathLike) -> str:
    """Return the file of a config that is given by its path or its name.

    Args:
        config (str or Path): Path of a file, or name of a shipped config, also
            with ``mmsemi::`` before it.

    Raises:
        FileNotFoundError: There is neither; the message has the nearest names.
        IsADirectoryError: It is a folder.
    """
    text = os.fspath(config)
    if osp.isfile(text):
        return text
    name = text.removeprefix('mmsemi::').removesuffix('.py')
    shipped = CONFIGS / f'{name}.py'
    if name and not osp.isabs(name) and shipped.is_file():
        return str(shipped)
    shipped_ones = f'`{command("ls")}` lists those that come with mmsemi.'
    if osp.isdir(text):
        inside = sorted(path.as_posix() for path in Path(text).glob('*.py'))
        cure = f'name a file in it, such as {inside[0]}' if inside else 'name a *.py'
        raise IsADirectoryError(f'{text} is a folder: {cure}. {shipped_ones}')
    names = config_names()
    wanted = name.removeprefix('./').removeprefix('configs/')
    near = difflib.get_close_matches(wanted, names, cutoff=0.7)
    near = near or [n for n in names if len(wanted) > 3 and wanted in n][:3]
    cure = f'did you mean {", ".join(near)}? ' if near else ''
    raise FileNotFoundError(f'There is no config {text}: {cure}{shipped_ones}')
