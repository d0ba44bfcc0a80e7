"""Draw a confusion matrix."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

CELL = 0.42  # inches of a class
WRITTEN = 24  # classes up to which the numbers are written
NAMED = 50  # names at each side; of more classes every second and so on


def draw_confusion(matrix: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Draw which share of the pixels of each class is predicted as each class.

    Args:
        matrix (ndarray): Pixels (C, C): rows are labels, columns predictions.
        classes (Sequence[str]): Name of every class.

    Returns:
        ndarray: uint8, RGB.  A row without pixels is empty.
    """
    total = matrix.sum(1, keepdims=True)
    percent = np.divide(
        100 * matrix, total, where=total > 0, out=np.zeros(matrix.shape)
    )
    count = len(classes)
    side = CELL * min(count, WRITTEN)
    figure = Figure((side + 3, side + 2), dpi=100, layout='constrained')
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # inches
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    picture = axes.imshow(percent, 'Blues', vmin=0, vmax=100)
    shown = range(0, count, math.ceil(count / NAMED))
    names = [str(classes[i]) for i in shown]
    names = [name if len(name) < 19 else f'{name[:17]}…' for name in names]
    axes.set_xticks(shown, names, rotation=90, fontsize=9)
    axes.set_yticks(shown, names, fontsize=9)
    axes.set_xlabel('predicted')
    axes.set_ylabel('truth')
    axes.set_title('% of the pixels of a class', fontsize=10)
    figure.colorbar(picture, fraction=0.03)
    if count <= WRITTEN:
        for i, j in np.argwhere(percent >= 0.5):
            color = 'white' if percent[i, j] > 60 else 'black'
            text = f'{percent[i, j]:.0f}'
            axes.text(j, i, text, ha='center', va='center', fontsize=8, color=color)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
