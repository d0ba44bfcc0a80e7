"""Compare written pseudo-labels with masks that nothing learns from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmsemi.datasets import SemiSegDataset, Truths

MOST = 500  # images, which takes seconds


def score_labels(
    dataset: SemiSegDataset, labels: Mapping[str, Path], most: int = MOST
) -> dict[str, Any] | None:
    """Compare written pseudo-labels with the masks that the list names.

    Args:
        dataset (SemiSegDataset): With the unlabeled images.
        labels (Mapping[str, Path]): File of the pseudo-label of each image.
        most (int): At most so many images, evenly spread.  Defaults to 500.

    Returns:
        dict: ``images``, how many were compared; ``accuracy``, the share of their
        pixels whose label is true, in [0, 1]; and ``classes``, for each class the
        share of the pixels labeled as it that truly are of it, None without such
        pixels.  None if no image has a mask.
    """
    paths = list(labels)
    chosen = paths[:: max(1, -(-len(paths) // most))]
    truths = Truths(dataset, chosen)
    names = dataset.metainfo['classes']
    named, right = np.zeros((2, len(names)), np.int64)
    images = 0
    for path in chosen:
        truth = truths(path)
        if truth is None:
            continue
        with Image.open(labels[path]) as file:
            label = np.asarray(file)
        if label.shape != truth.shape:
            continue
        images += 1
        known = truth < len(names)
        for counts, where in (named, known), (right, known & (label == truth)):
            counts += np.bincount(label[where], minlength=len(names))[: len(names)]
    if not named.sum():
        return None
    return dict(
        images=images,
        accuracy=float(right.sum() / named.sum()),
        classes={
            name: float(r / n) if n else None
            for name, r, n in zip(names, right, named, strict=True)
        },
    )
