"""Write a table as Markdown, CSV or LaTeX."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

TEX = str.maketrans(
    {
        **{char: f'\\{char}' for char in '&%$#_{}'},
        '\\': r'\textbackslash{}',
        '~': r'\textasciitilde{}',
        '^': r'\textasciicircum{}',
        '±': r'$\pm$',
    }
)


class Number(NamedTuple):
    """A number in a table.

    Attributes:
        value (float): It.
        spread (float, optional): What follows the ±.
        count (int): Of how many values.
        signed (bool): It has a sign.
        counted (bool): Show of how many values it is.
        best (bool): It is emphasized.
        digits (int): After the point.
    """

    value: float
    spread: float | None = None
    count: int = 1
    signed: bool = False
    counted: bool = False
    best: bool = False
    digits: int = 2

    def text(self, plus_minus: str = '±') -> str:
        """Return it without emphasis."""
        text = f'{self.value:{"+" if self.signed else ""}.{self.digits}f}'
        if self.spread is not None:
            text += f' {plus_minus} {self.spread:.{self.digits}f}'
        return text + self.of

    @property
    def of(self) -> str:
        """Return the number of runs behind a mean, or an empty text."""
        return f' (n={self.count})' if self.counted else ''


Cell = str | Number | None


@dataclass
class Table:
    """A table.

    Attributes:
        title (str): What it shows.
        head (list[str]): Names of the columns.
        rows (list[list]): Texts, numbers, or None for nothing.
        kind (str): What kind of table it is: 'scores', 'differences' or
            'classes'.
        note (str): What to know about it.
    """

    title: str
    head: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    kind: str = ''
    note: str = ''

    def emphasize(self, columns: Iterable[int], but: str) -> None:
        """Emphasize the largest number of columns.

        Args:
            columns (Iterable[int]): Which ones.
            but (str): Rows whose first text ends with this do not compete.
        """
        lines = [line for line in self.rows if not str(line[0]).endswith(but)]
        for column in columns:
            numbers = [line[column] for line in lines if line[column]]
            best = max((number.text() for number in numbers), default='', key=_first)
            for line in lines if len(numbers) > 1 else ():
                number = line[column]
                if number and _first(number.text()) == _first(best):
                    line[column] = number._replace(best=True)

    def markdown(self) -> str:
        """Return it as Markdown, under its title."""
        note = f'\n{self.note}\n' if self.note else ''
        return f'{self.title}:\n\n{self.grid()}{note}'

    def grid(self) -> str:
        """Return it as Markdown, without title and note."""

        def show(cell: Cell) -> str:
            if isinstance(cell, Number):
                return f'**{cell.text()}**' if cell.best else cell.text()
            return (cell or '').replace('|', r'\|')

        lines = [
            [show(name) for name in self.head],
            ['---', *['---:'] * (len(self.head) - 1)],
            *([show(cell) for cell in line] for line in self.rows),
        ]
        return ''.join(f'| {" | ".join(line)} |\n' for line in lines)

    def latex(self) -> str:
        """Return it as a table of LaTeX with booktabs."""

        def show(cell: Cell) -> str:
            if isinstance(cell, Number):
                text = cell._replace(counted=False).text(r'\pm')
                text = rf'\mathbf{{{text}}}' if cell.best else text
                return f'${text}$' + cell.of.translate(TEX)
            return (cell or '--').translate(TEX)

        lines = [' & '.join(map(show, line)) + r' \\' for line in self.rows]
        caption = f'{self.title}. {self.note}'.strip()
        return '\n'.join(
            [
                r'\begin{table}',
                r'  \centering',
                rf'  \caption{{{caption.translate(TEX)}}}',
                rf'  \begin{{tabular}}{{l{"r" * (len(self.head) - 1)}}}',
                r'    \toprule',
                f'    {" & ".join(name.translate(TEX) for name in self.head)} \\\\',
                r'    \midrule',
                *(f'    {line}' for line in lines),
                r'    \bottomrule',
                r'  \end{tabular}',
                r'\end{table}',
                '',
            ]
        )

    def csv(self) -> str:
        """Return it as CSV: each number with its spread and count beside it."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator='\n')
        wide = [self._has_spread(i) for i in range(len(self.head))]
        head = []
        for name, spread in zip(self.head, wide, strict=True):
            head += [name, f'{name} ±', f'{name} n'] if spread else [name]
        writer.writerow(head)
        for line in self.rows:
            values: list = []
            for cell, spread in zip(line, wide, strict=True):
                values += _values(cell)[: 3 if spread else 1]
            writer.writerow(values)
        return f'# {self.title}\n{out.getvalue()}'

    def _has_spread(self, column: int) -> bool:
        cells: Sequence[Cell] = [line[column] for line in self.rows]
        return any(isinstance(c, Number) and c.spread is not None for c in cells)


def _values(cell: Cell) -> list:
    if not isinstance(cell, Number):
        return [cell, None, None]
    spread = None if cell.spread is None else round(cell.spread, 4)
    return [round(cell.value, 4), spread, cell.count]


def _first(text: str) -> float:
    """Return the number that a text begins with: what is shown decides."""
    return float(text.partition(' ')[0]) if text else float('-inf')
