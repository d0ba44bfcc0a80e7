"""The published list format: one ``IMAGE MASK`` pair per line."""
from pathlib import Path
from typing import List, NamedTuple, Optional, Union


class ListEntry(NamedTuple):
    """One line of a list; both paths are relative to the data root."""

    image: str
    mask: Optional[str]


def read_list(file: Union[str, Path]) -> List[ListEntry]:
    """Read a labeled, unlabeled or validation list.

    A line holds an image and, where there is one, its mask, separated by a
    blank (or by a tab, for names that contain blanks).  Empty lines are
    passed over.

    Args:
        file (str or Path): The list.

    Returns:
        list[ListEntry]: In the order of the file.

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
            'name of the list in the config.')
    try:
        text = file.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'The list {file} is not UTF-8 text ({error}); '
                         'save it as UTF-8.') from error

    entries = []
    for number, line in enumerate(text.split('\n'), 1):
        line = line.strip()
        if not line:
            continue
        names = line.split('\t') if '\t' in line else line.split()
        if len(names) > 2:
            raise ValueError(
                f'Line {number} of {file} holds {len(names)} names: '
                f'{line!r}. Expected "IMAGE" or "IMAGE MASK"; separate the '
                'two by a tab where a name contains blanks.')
        entries.append(
            ListEntry(names[0], names[1] if len(names) == 2 else None))
    if not entries:
        raise ValueError(f'The list {file} is empty; it should hold one '
                         '"IMAGE MASK" pair per line.')
    return entries
