"""The classes of a user's own data, and how masks write them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmsemi.utils.images import Code, ValueMap

IGNORE = 255


class ClassTable(NamedTuple):
    """Classes in their order, with what stands for them in mask files.

    Attributes:
        names (tuple[str]): Class 0 first.
        codes (tuple): Per class the numbers, or RGB triples, of its pixels.
        ignore (tuple): Those of pixels that are not to be learned from.
        explicit (bool): Whether the file gave the codes; else a class's is
            its position.
    """

    names: tuple[str, ...]
    codes: tuple[tuple[Code, ...], ...]
    ignore: tuple[Code, ...]
    explicit: bool

    @property
    def colored(self) -> bool:
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
        """Whether masks hold the class indices themselves."""
        return not self.colored and all(code == label for code, label in self.pairs)

    @property
    def palette(self) -> list[list[int]]:
        """An RGB colour for every class."""
        if self.colored:
            return [list(codes[0]) for codes in self.codes]
        return [distinct_color(label) for label in range(len(self.names))]


def distinct_color(label: int) -> list[int]:
    """The colour of a label, its bits spread as in Pascal VOC's masks."""
    rgb = [0, 0, 0]
    for shift in range(7, -1, -1):
        for channel in range(3):
            rgb[channel] |= (label >> channel & 1) << shift
        label >>= 3
    return rgb


def read_classes(file: str | Path) -> ClassTable:
    """Read a classes file: a line per class, class 0 first.

    A line is ``NAME``, or ``NAME: CODE`` with what stands for the class in
    masks: a number, or a colour as ``128 64 128`` or ``#804080``; several
    are separated by commas.  Without codes the masks hold the positions, 0
    for the first class.  ``ignore: CODE`` names what to leave out.  Lines
    that start with ``# `` and empty ones are passed over.

    Args:
        file (str or Path): UTF-8 text.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Fewer than 2 or more than 255 classes, a name or a code
            that comes twice, or a line that cannot be read.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(
            f'There is no classes file {file}. It should '
            'hold one class per line, "NAME" or "NAME: '
            'CODE".'
        )
    given: dict[str, tuple[Code, ...] | None] = {}
    for number, line in enumerate(file.read_text(encoding='utf-8-sig').splitlines(), 1):
        line = line.strip()
        if not line or re.match(r'#(?!\s*[0-9a-fA-F]{6}\b)', line):
            continue
        name, colon, codes = line.partition(':')
        name = name.strip()
        if not name or name in given:
            fault = f'{name} comes twice' if name else 'there is no name'
            raise ValueError(f'Line {number} of {file}: {fault}: {line!r}.')
        try:
            given[name] = (
                tuple(parse_code(code) for code in codes.split(',')) if colon else None
            )
        except ValueError as error:
            raise ValueError(f'Line {number} of {file}: {error}.') from error
    ignore = given.pop('ignore', None) or ()
    if not 2 <= len(given) <= IGNORE:
        raise ValueError(
            f'{file} names {len(given)} classes, but there must '
            f'be 2 to {IGNORE}: background is one of them.'
        )
    return _table(file, given, ignore)


def parse_code(text: str) -> Code:
    """``7``, ``128 64 128`` or ``#804080``.

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
    file: Path, given: dict[str, Sequence[Code] | None], ignore: Sequence[Code]
) -> ClassTable:
    without = [name for name, codes in given.items() if codes is None]
    if without and len(without) < len(given):
        raise ValueError(
            f'{file} says for some classes what stands for them in the '
            f'masks, but not for {without[0]}. Say it for all, or for none.'
        )
    codes = tuple((i,) for i in range(len(given))) if without else tuple(given.values())
    table = ClassTable(tuple(given), codes, tuple(ignore), not without)
    try:
        ValueMap(table.pairs)
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    return table
