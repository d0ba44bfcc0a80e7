"""Map the codes in the pixels of a mask file to labels."""

from collections.abc import Sequence

import numpy as np

IGNORE = 255  # label of pixels without a class

Code = int | Sequence[int]  # a number, or an RGB triple


def pack_colors(mask: np.ndarray) -> np.ndarray:
    """Pack BGR pixels (H, W, 3) into one number each: (H, W) int32, 0xRRGGBB."""
    blue, green, red = np.moveaxis(mask.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def show_code(code: int, colored: bool) -> str:
    """Write a code as a classes file does: ``7``, or ``#804080``."""
    return f'#{code:06x}' if colored else str(code)


class ValueMap:
    """Map the codes in a mask file to labels.

    Args:
        pairs (Sequence): ``(code, label)`` pairs. A code is a number, or an RGB
            triple in every pair; a label is a class or 255 (ignore).

    Raises:
        ValueError: Numbers and colours are mixed, or a code has two labels.
    """

    def __init__(self, pairs: Sequence[tuple[Code, int]]) -> None:
        codes = [code for code, _ in pairs]
        self.colored = not isinstance(codes[0], int)
        if any(isinstance(code, int) == self.colored for code in codes):
            raise ValueError(
                f'`value_map` mixes numbers and colours: {codes}. Give one kind.'
            )
        numbers = [_as_number(code) for code in codes]
        order = np.argsort(numbers)
        self.codes = np.array(numbers)[order]
        self.labels = np.array([label for _, label in pairs], np.uint8)[order]
        twice = self.codes[1:][self.codes[1:] == self.codes[:-1]]
        if len(twice):
            raise ValueError(
                f'{show_code(int(twice[0]), self.colored)} stands for two '
                'classes. Keep one.'
            )

    def __call__(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look up the labels of codes.

        Args:
            codes (ndarray): Any shape; colours as 0xRRGGBB.

        Returns:
            tuple[ndarray, ndarray]: Labels (uint8) and which codes are unknown
            (bool), both in the shape of ``codes``. Labels of unknown codes are
            arbitrary.
        """
        index = np.searchsorted(self.codes, codes)
        index = np.minimum(index, len(self.codes) - 1)
        return self.labels[index], self.codes[index] != codes

    def describe(self, codes: np.ndarray, most: int = 5) -> str:
        """List the most frequent codes with their pixel counts."""
        values, counts = np.unique(codes, return_counts=True)
        order = np.argsort(-counts)[:most]
        shown = [
            f'{show_code(int(values[i]), self.colored)} ({counts[i]} pixels)'
            for i in order
        ]
        return ', '.join(shown + ['...'] * (len(values) > most))


def _as_number(code: Code) -> int:
    if isinstance(code, int):
        return code
    red, green, blue = code
    return red << 16 | green << 8 | blue
