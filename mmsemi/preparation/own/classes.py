"""Read the classes of a user's own data and their codes in the masks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmsemi.utils.codes import IGNORE, Code, ValueMap

from .palette import class_palette


class ClassTable(NamedTuple):
    """Classes in order, with the codes that stand for them in mask files.

    Attributes:
        names (tuple[str]): Class 0 first.
        codes (tuple): For each class, its numbers or RGB triples.
        ignore (tuple): Codes of pixels that are ignored in training.
        explicit (bool): Whether the file gives the codes; otherwise the code
            of a class is its index.
    """

    names: tuple[str, ...]
    codes: tuple[tuple[Code, ...], ...]
    ignore: tuple[Code, ...]
    explicit: bool

    @property
    def colored(self) -> bool:
        """Tell whether the codes are colours."""
        return not isinstance(self.codes[0][0], int)

    @property
    def pairs(self) -> list[tuple[Code, int]]:
        """``(code, label)`` of all codes, as ``LoadSegMask`` takes them."""
        pairs = [
            (code, label) for label, codes in enumerate(self.codes) for code in codes
        ]
        ignore = list(self.ignore)
        if not self.colored and IGNORE not in [*ignore, *dict(pairs)]:
            ignore.append(IGNORE)
        return pairs + [(code, IGNORE) for code in ignore]

    @property
    def plain(self) -> bool:
        """Tell whether masks hold the class indices themselves."""
        return not self.colored and all(code == label for code, label in self.pairs)

    @property
    def palette(self) -> list[list[int]]:
        """An RGB color for every class: that of the masks, if they are colored."""
        if self.colored:
            return [list(code) for code, *_ in self.codes if not isinstance(code, int)]
        return class_palette(len(self.names))

    def labels(self, codes: Iterable[int]) -> list[int]:
        """Map known codes (colours as 0xRRGGBB) to their labels."""
        return ValueMap(self.pairs)(np.array(list(codes)))[0].tolist()


def read_classes(file: str | Path) -> ClassTable:
    """Read a classes file: a line per class, class 0 first.

    A line is ``NAME``, or ``NAME: CODE`` with the code of the class in masks:
    a number, or a colour as ``128 64 128`` or ``#804080``; commas separate
    several. Without codes, the code of a class is its index, 0 for the first.
    ``ignore: CODE`` names the codes of ignored pixels. Empty lines and lines
    that start with ``# `` are skipped.

    Args:
        file (str or Path): UTF-8 text.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There are fewer than 2 or more than 255 classes, a name or
            a code is repeated, or a line cannot be read.
    """
    file = Path(file)
    given: dict[str, tuple[Code, ...] | None] = {}
    for number, name, codes in _lines(file):
        try:
            given[name] = codes and tuple(map(parse_code, codes))
        except ValueError as error:
            raise ValueError(f'Line {number} of {file}: {error}.') from error
    ignore = given.pop('ignore', None) or ()
    _check_count(file, len(given))
    return _table(file, given, ignore)


def read_labels(file: str | Path) -> tuple[list[str], dict[str, int]]:
    """Read a classes file for annotations, which name classes instead of codes.

    A class has its own name as label, and those that follow it: ``vehicle:
    car, truck``. ``ignore: LABEL`` names labels of ignored pixels.

    Args:
        file (str or Path): UTF-8 text.

    Returns:
        tuple: The names of the classes, and the class of every label (255 for
        ignored ones).

    Raises:
        FileNotFoundError, ValueError: As :func:`read_classes`, or a label
            belongs to two classes.
    """
    file = Path(file)
    given = {name: codes or () for _, name, codes in _lines(file)}
    ignore = given.pop('ignore', ())
    _check_count(file, len(given))
    labels: dict[str, int] = {}
    rows = [(i, (name, *codes)) for i, (name, codes) in enumerate(given.items())]
    for i, names in [*rows, (IGNORE, ignore)]:
        for name in names:
            if labels.setdefault(name, i) != i:
                raise ValueError(f'{file}: {name!r} stands for two classes. Keep one.')
    return list(given), labels


def _lines(file: Path) -> Iterator[tuple[int, str, tuple[str, ...] | None]]:
    """Yield the number, the name and the codes, if any, of each class's line."""
    if not file.is_file():
        raise FileNotFoundError(
            f'There is no classes file {file}. It should '
            'hold one class per line, "NAME" or "NAME: '
            'CODE".'
        )
    names = set()
    for number, line in enumerate(file.read_text(encoding='utf-8-sig').splitlines(), 1):
        line = line.strip()
        if not line or re.match(r'#(?!\s*[0-9a-fA-F]{6}\b)', line):
            continue
        name, colon, codes = line.partition(':')
        name = name.strip()
        if not name or name in names:
            fault = f'{name} comes twice' if name else 'there is no name'
            raise ValueError(f'Line {number} of {file}: {fault}: {line!r}.')
        names.add(name)
        split = tuple(code.strip() for code in codes.split(',')) if colon else None
        yield number, name, split


def _check_count(file: Path, count: int) -> None:
    if not 2 <= count <= IGNORE:
        raise ValueError(
            f'{file} names {count} classes, but there must '
            f'be 2 to {IGNORE}: background is one of them.'
        )


def parse_code(text: str) -> Code:
    """Parse ``7``, ``128 64 128`` or ``#804080``.

    Returns:
        int | tuple[int, int, int]: A number, or RGB.

    Raises:
        ValueError: It is none of these.
    """
    text = text.strip()
    if re.fullmatch(r'#[0-9a-fA-F]{6}', text):
        return tuple(bytes.fromhex(text[1:]))
    numbers = text.split()
    if len(numbers) in (1, 3) and all(n.isdecimal() for n in numbers):
        values = tuple(int(n) for n in numbers)
        if len(values) == 1 and values[0] < 2**31:
            return values[0]
        if len(values) == 3 and max(values) < 256:
            return values
    raise ValueError(
        f'{text!r} is neither a number nor a colour ("128 64 128" or "#804080")'
    )


def _table(
    file: Path, given: Mapping[str, tuple[Code, ...] | None], ignore: tuple[Code, ...]
) -> ClassTable:
    without = [name for name, codes in given.items() if codes is None]
    if without and len(without) < len(given):
        raise ValueError(
            f'{file} gives codes for some classes, but not for {without[0]}. Give '
            'them for all, or for none.'
        )
    codes = tuple(codes or (i,) for i, codes in enumerate(given.values()))
    table = ClassTable(tuple(given), codes, ignore, not without)
    try:
        ValueMap(table.pairs)
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    return table
