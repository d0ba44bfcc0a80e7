"""The published list format: one ``IMAGE MASK`` pair per line."""

import os.path as osp
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UNFIT = re.compile('[\\0\t\r\n\ufeff\ud800-\udfff]')  # for a name


class ListEntry(NamedTuple):
    """One line of a list; both paths are relative to the data root."""

    image: str
    mask: str | None


def iter_list(file: str | Path) -> Iterator[ListEntry]:
    """Read a labeled, unlabeled or validation list, line by line.

    A line holds an image and, where there is one, its mask, separated by
    blanks (or by a tab, for names that contain blanks; alone they end in
    one).  Empty lines are passed over; a line that comes twice counts twice.

    Args:
        file (str or Path): The list.

    Yields:
        ListEntry: In the order of the file.

    Raises:
        FileNotFoundError: There is no such list.
        ValueError: The list is empty, is not UTF-8 text, or a line holds
            more than two names.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(
            f'There is no list {file}. It should hold one "IMAGE MASK" pair '
            'per line, relative to the data root; check `data_root` and the '
            'name of the list in the config.'
        )
    empty = True
    try:
        with file.open(encoding='utf-8-sig') as lines:
            for number, line in enumerate(lines, 1):
                names = _names(line.rstrip('\n'), number, file)
                if names:
                    empty = False
                    yield ListEntry(names[0], names[1] if len(names) == 2 else None)
    except UnicodeError as error:
        raise ValueError(
            f'The list {file} is not UTF-8 text ({error}); save it as UTF-8.'
        ) from error
    if empty:
        raise ValueError(
            f'The list {file} is empty; it should hold one "IMAGE MASK" pair per line.'
        )


def _names(line: str, number: int, file: Path) -> list[str]:
    """The names in a line: none, one or two."""
    if '\0' in line:
        raise UnicodeError('it holds zero bytes')
    # Blanks alone: what Unicode calls space may be part of a name.
    names = line.split('\t' if '\t' in line else ' ')
    names = [name for name in (name.strip(' ') for name in names) if name]
    if len(names) > 2:
        raise ValueError(
            f'Line {number} of {file} holds {len(names)} names: '
            f'{line!r}. Expected "IMAGE" or "IMAGE MASK"; separate the '
            'two by a tab where a name contains blanks.'
        )
    return names


def read_list(file: str | Path) -> list[ListEntry]:
    """All entries of a list, see :func:`iter_list`."""
    return list(iter_list(file))


def list_line(image: str, mask: str | None = None) -> str:
    """A line that :func:`read_list` reads, with its end.

    Raises:
        ValueError: A name has what no list can hold.
    """
    names = [image] if mask is None else [image, mask]
    for name in names:
        if not name or name != name.strip(' ') or UNFIT.search(name):
            raise ValueError(
                f'{name!r} cannot stand in a list, which is UTF-8 text with '
                'names between tabs or blanks. Rename the file.'
            )
    if not any(' ' in name for name in names):
        return ' '.join(names) + '\n'
    return '\t'.join(names if mask else [image, '']) + '\n'


def locate(root: str, name: str, list_file: str | Path) -> str:
    """The file that a name in a list stands for.

    Links are followed wherever they lead, names are not.

    Args:
        root (str): The data root.
        name (str): Relative to it, or absolute.
        list_file (str or Path): The list, for the error.

    Raises:
        ValueError: The name leads out of the data root.
    """
    if not osp.isabs(name) and '..' not in name:
        return osp.join(root, name)
    path = osp.normpath(osp.join(root, name))
    for base in (root, osp.abspath(root), osp.realpath(root)):
        if Path(path).is_relative_to(osp.normpath(base)):
            return osp.join(root, osp.relpath(path, osp.normpath(base)))
    raise ValueError(
        f'The list {list_file} names {name}, which is outside the data root '
        f'{root}. Move or link it to below that folder, choose a `data_root` '
        'that holds both, or allow it by `anywhere=True` in the data set.'
    )
