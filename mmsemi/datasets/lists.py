"""Read and write lists: one ``IMAGE MASK`` pair per line."""

import os.path as osp
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mmsemi.utils.files import replacing
from mmsemi.utils.images import SUFFIXES
from mmsemi.utils.storage import is_address, join_address, local_copy

# What lists from other systems and programs have instead of "IMAGE MASK".
FOREIGN = {
    r'^[A-Za-z]:(?=[\\/])': 'the drive letter {!r}. Paths are relative to the data '
    'root: remove what stands before it, and write / for \\',
    r'\\': 'the separator {!r} of Windows. Write / instead',
    rf'(?i:{"|".join(map(re.escape, SUFFIXES))})[,;]': '{!r}, a comma or semicolon '
    'after a file. Separate image and mask by a blank or a tab',
}
UNUSUAL = re.compile('[\0\\\\,;:]')  # in every line with one of these marks, or a zero
UNFIT = re.compile('[\\0\t\r\n\ufeff\ud800-\udfff]')  # not allowed in a name


class ListEntry(NamedTuple):
    """One line of a list; both paths are relative to the data root."""

    image: str
    mask: str | None


def iter_list(file: str | Path) -> Iterator[ListEntry]:
    """Read a labeled, unlabeled or validation list, line by line.

    A line holds an image and, if it has one, its mask, separated by blanks, or
    by a tab if a name contains blanks (without a mask the tab ends the line).
    Empty lines are skipped; a repeated line counts twice.

    Args:
        file (str or Path): The list, or its address.

    Yields:
        ListEntry: The lines, in order.

    Raises:
        FileNotFoundError: There is no such list.
        ValueError: The list is empty, is not UTF-8 text, or a line holds more
            than two names, a drive letter, a backslash, or names that are
            separated by a comma or semicolon.
    """
    try:
        copy = local_copy(file)
    except FileNotFoundError:
        copy = None
    if copy is None or not copy.is_file():
        raise FileNotFoundError(
            f'There is no list {file}. It should hold one "IMAGE MASK" pair '
            'per line, relative to the data root. Check `data_root` and the '
            'name of the list in the config.'
        )
    empty = True
    try:
        with copy.open(encoding='utf-8-sig') as lines:
            for number, line in enumerate(lines, 1):
                names = _names(line.rstrip('\n'), number, file)
                if names:
                    empty = False
                    yield ListEntry(names[0], names[1] if len(names) == 2 else None)
    except UnicodeError as error:
        raise ValueError(
            f'The list {file} is not UTF-8 text ({error}). Save it as UTF-8.'
        ) from error
    if empty:
        raise ValueError(
            f'The list {file} is empty. It should hold one "IMAGE MASK" pair per line.'
        )


def _names(line: str, number: int, file: str | Path) -> list[str]:
    """Split a line into its names: none, one or two."""
    unusual = UNUSUAL.search(line) is not None
    if unusual and '\0' in line:
        raise UnicodeError('it holds zero bytes')
    # Blanks only: other Unicode spaces may be part of a name.
    names = line.split('\t' if '\t' in line else ' ')
    names = [name for name in (name.strip(' ') for name in names) if name]
    if len(names) > 2:
        raise ValueError(
            f'Line {number} of {file} holds {len(names)} names: '
            f'{line!r}. Expected "IMAGE" or "IMAGE MASK"; separate the '
            'two by a tab if a name contains blanks.'
        )
    for name in names if unusual else ():
        if fault := _foreign(name):
            raise ValueError(f'Line {number} of {file}, {line!r}, holds {fault}.')
    return names


def _foreign(name: str) -> str:
    """Say which mark of another system or program a name holds; usually none."""
    for pattern, fault in FOREIGN.items():
        if match := re.search(pattern, name):
            return fault.format(match[0])
    return ''


def read_list(file: str | Path) -> list[ListEntry]:
    """Read all entries of a list, see :func:`iter_list`."""
    return list(iter_list(file))


def list_line(image: str, mask: str | None = None) -> str:
    """Format a line that :func:`read_list` reads, with its line break.

    Raises:
        ValueError: A name holds characters that a list cannot.
    """
    names = [image] if mask is None else [image, mask]
    for name in names:
        if UNUSUAL.search(name) and (fault := _foreign(name)):
            raise ValueError(f'{name!r} cannot be in a list: it holds {fault}.')
        if not name or name != name.strip(' ') or UNFIT.search(name):
            raise ValueError(
                f'{name!r} cannot be in a list, which is UTF-8 text with tabs or '
                'blanks between names. Rename the file.'
            )
    if not any(' ' in name for name in names):
        return ' '.join(names) + '\n'
    return '\t'.join(names if mask else [image, '']) + '\n'


def path_inside(name: str) -> Path:
    """Return where below a folder something of an image belongs.

    It is inside the folder wherever the image is, and contains its whole name, so
    that no two images share it.

    Args:
        name (str): Of the image, relative to the data root.
    """
    return Path(*('up' if part == '..' else part for part in Path(name).parts))


def write_list(file: str | Path, rows: Iterable[Sequence[str]]) -> int:
    """Write a list that :func:`read_list` reads, line by line.

    Args:
        file (str or Path): It is complete or absent, whatever happens.
        rows (Iterable[Sequence[str]]): An image and, if any, its mask.

    Returns:
        int: Number of lines.

    Raises:
        ValueError: A name holds characters that a list cannot.
    """
    count = 0
    with replacing(file) as part, part.open('w', encoding='utf-8', newline='') as lines:
        for row in rows:
            lines.write(list_line(*row))
            count += 1
    return count


def locate(root: str, name: str, list_file: str | Path) -> str:
    """Return the path of a file that a list names.

    Links may lead out of the data root, names may not.

    Args:
        root (str): The data root, a folder or an address.
        name (str): Relative to it, or absolute.
        list_file (str or Path): The list, for the error message.

    Raises:
        ValueError: The name leads out of the data root.
    """
    if is_address(root):
        with suppress(ValueError):
            below = name.removeprefix(f'{root.rstrip("/")}/')
            if not is_address(below) and not below.startswith('/'):
                return join_address(root, below)
    elif not is_address(name):
        if not osp.isabs(name) and '..' not in name:
            return osp.join(root, name)
        path = osp.normpath(osp.join(root, name))
        for base in (root, osp.abspath(root), osp.realpath(root)):
            if Path(path).is_relative_to(osp.normpath(base)):
                return osp.join(root, osp.relpath(path, osp.normpath(base)))
    raise ValueError(
        f'The list {list_file} names {name}, which is outside the data root '
        f'{root}. Move or link it into that folder, choose a `data_root` '
        'that holds both, or allow it with `anywhere=True` in the data set.'
    )
