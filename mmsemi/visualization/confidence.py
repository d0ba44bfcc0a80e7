"""Draw how confidence and accuracy agree."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLUE, ORANGE, GRAY = '#0072b2', '#d55e00', '#8a939c'  # Okabe and Ito


def _figure(width: float, height: float) -> tuple[FigureCanvasAgg, Axes]:
    figure = Figure((width, height), dpi=120, layout='constrained')
    axes = figure.add_subplot()
    axes.grid(color='#e3e6e9', linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    return FigureCanvasAgg(figure), axes


def _pixels(canvas: FigureCanvasAgg) -> np.ndarray:
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw_reliability(
    confidence: Sequence[float],
    accuracy: Sequence[float],
    pixels: Sequence[int],
    title: str,
) -> np.ndarray:
    """Draw a reliability diagram: accuracy over confidence, and their gap.

    Args:
        confidence (Sequence[float]): Mean confidence of each bin of equal width in
            [0, 1]; NaN where there is no pixel.
        accuracy (Sequence[float]): Share of its pixels that is right.
        pixels (Sequence[int]): How many there are; pale bars of few pixels.
        title (str): Above the diagram.

    Returns:
        ndarray: uint8, RGB.
    """
    canvas, axes = _figure(5, 4.6)
    bins = len(pixels)
    middle = (np.arange(bins) + 0.5) / bins
    share = np.asarray(pixels) / max(sum(pixels), 1)
    width = 0.92 / bins
    for x, mean, right, part in zip(middle, confidence, accuracy, share, strict=True):
        if not part:
            continue
        opacity = 0.35 + 0.65 * min(1.0, part * bins / 2)
        axes.bar(x, right, width, color=BLUE, alpha=opacity)
        axes.bar(x, mean - right, width, right, color=ORANGE, alpha=opacity * 0.6)
    axes.plot([0, 1], [0, 1], '--', color=GRAY, linewidth=1)
    axes.bar(0, 0, color=BLUE, label='accuracy')
    axes.bar(0, 0, color=ORANGE, alpha=0.6, label='gap to the mean confidence')
    axes.legend(loc='upper left', fontsize=9, frameon=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel='confidence', ylabel='share of pixels')
    axes.set_title(title, fontsize=10)
    return _pixels(canvas)


def draw_thresholds(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    marks: Mapping[str, float],
) -> np.ndarray:
    """Draw what each threshold of confidence keeps, with some thresholds marked.

    Args:
        curves (Mapping): By name, thresholds and values, both in [0, 1].
        marks (Mapping): Thresholds to mark with a line, by name.

    Returns:
        ndarray: uint8, RGB.
    """
    canvas, axes = _figure(6.4, 4.2)
    for name, (x, y) in curves.items():
        axes.plot(x, y, label=name, linewidth=1.8)
    for (name, value), style in zip(marks.items(), ('-', '--', ':'), strict=False):
        label = f'{name}: {value:.3g}'
        axes.axvline(value, color=GRAY, linestyle=style, linewidth=1.2, label=label)
    axes.legend(loc='best', fontsize=9)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel='least confidence', ylabel='share')
    return _pixels(canvas)
