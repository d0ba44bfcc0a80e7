"""Show confusion matrices."""

import io
from typing import Any

import numpy as np
from PIL import Image

from .albums import data_address
from .run import Run

READABLE = 40  # classes of a matrix whose cells have numbers
PAIRS = 15


def matrices(run: Run) -> list[dict[str, Any]]:
    """Return the confusion matrix of a run's best validation.

    Args:
        run (Run): The run.

    Returns:
        list[dict]: None or one, see :func:`describe_matrix`.
    """
    best = run.best()
    if best is None or not best.confusion:
        best = next((v for v in reversed(run.validations) if v.confusion), None)
    if best is None:
        return []
    names = run.class_names
    if len(names) != len(best.confusion):
        names = [str(i) for i in range(len(best.confusion))]
    what = 'best' if best is run.best() else 'last'
    place = f'epoch {best.epoch}' if run.by_epoch else f'step {best.step}'
    title = f'{run.name}, {what} validation ({place})'
    return [describe_matrix(best.confusion, names, title)]


def describe_matrix(
    confusion: list[list[int]], names: list[str], title: str
) -> dict[str, Any]:
    """Return what the page shows of a confusion matrix.

    Args:
        confusion (list[list[int]]): Pixels: rows are true classes.
        names (list[str]): Name of every class.
        title (str): Above the matrix.

    Returns:
        dict: ``title``, ``classes``, ``rows`` (None above 40 classes, where an
        ``image`` replaces it) and the most frequent ``pairs``.
    """
    counts = np.asarray(confusion, np.float64)
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    readable = len(names) <= READABLE
    return dict(
        title=title,
        classes=names,
        rows=confusion if readable else None,
        image=None if readable else _heat(shares),
        pairs=_pairs(counts, shares, names),
    )


def _pairs(
    counts: np.ndarray, shares: np.ndarray, names: list[str]
) -> list[dict[str, Any]]:
    """Return the classes that are mistaken most often, by their number of pixels."""
    wrong = counts * (1 - np.eye(len(counts)))
    order = np.argsort(-wrong, axis=None, kind='stable')[:PAIRS]
    places = [divmod(int(each), len(counts)) for each in order]
    return [
        dict(
            true=names[i],
            predicted=names[j],
            share=shares[i, j],
            pixels=int(wrong[i, j]),
        )
        for i, j in places
        if wrong[i, j]
    ]


def _heat(shares: np.ndarray) -> str:
    """Draw percents as a picture, dark to bright."""
    levels = np.rint(255 * np.sqrt(shares / 100)).astype(np.uint8)
    low, high = np.array([20, 24, 40]), np.array([255, 214, 102])
    colors = low + (high - low) * (levels[..., None] / 255)
    content = io.BytesIO()
    Image.fromarray(colors.astype(np.uint8)).save(content, 'PNG')
    return data_address(content.getvalue(), 'image/png')
