"""IoU from confusion matrices."""

from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_dist_info
from mmengine.evaluator import Evaluator
from mmseg.evaluation import IoUMetric
from torch import Tensor

from mmsemi.registry import METRICS


def count_pairs(pred_label: Tensor, label: Tensor, num_classes: int) -> Tensor:
    """Count the pixels of each pair of a label and a predicted class.

    Args:
        pred_label (Tensor): Predicted classes 0..C-1, integer (..., H, W).
        label (Tensor): Labels 0..255, likewise.
        num_classes (int): Number of classes C.

    Returns:
        Tensor: int64 (256, C): rows are labels, columns predictions.
    """
    pairs = (label.int() * num_classes).add_(pred_label.int())
    counts = torch.bincount(pairs.flatten(), minlength=256 * num_classes)
    return counts.view(256, num_classes)


def class_areas(counts: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Count the pixels of every class.

    Args:
        counts (Tensor): Confusion matrix (C, C): rows are labels.

    Returns:
        tuple[Tensor, ...]: Intersection, union, predicted and labeled pixels,
        (C,) each.
    """
    both = counts.diagonal()
    predicted, labeled = counts.sum(0), counts.sum(1)
    return both, predicted + labeled - both, predicted, labeled


@METRICS.register_module()
class ConfusionIoUMetric(IoUMetric):
    """Compute mmseg's IoU metric faster and exactly, and keep the matrix.

    One pass over an image gives its confusion matrix.  The counts stay on the
    device until the evaluation ends, and they are integers: mmseg sums
    float32, which is exact only up to 16 million pixels per class.

    Beside mmseg's scores there are those of every class, in percent, NaN where
    there is nothing to divide by: ``IoU/CLASS``, ``Precision/CLASS`` (of the
    pixels predicted as the class) and ``Recall/CLASS`` (of the pixels labeled as
    the class), which mmseg calls its accuracy.  Afterwards ``confusion`` holds
    the matrix of all images.

    Args:
        *args: As in :class:`mmseg.evaluation.IoUMetric`.
        **kwargs: As in :class:`mmseg.evaluation.IoUMetric`.
    """

    default_prefix = ''  # none; MMEngine warns of None
    confusion: np.ndarray | None = None  # int64 (C, C): rows are labels

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of this process's images but the last, and of the last.
        self._sum: Tensor | int = 0
        self._last: Tensor | int = 0

    def intersect_and_union(  # static in mmseg, which calls it on an instance
        self, pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int
    ) -> tuple:
        """Count the pixels of every class, and add them to the matrix.

        Args:
            pred_label (Tensor): Predicted classes 0..C-1, integer (H, W).
            label (Tensor): True classes or ``ignore_index``, 0..255, integer
                (H, W).
            num_classes (int): Number of classes C.
            ignore_index (int): Label of pixels that do not count.

        Returns:
            tuple[Tensor, ...]: Intersection, union, predicted and labeled
            pixels, int64 (C,) each.
        """
        counts = count_pairs(pred_label, label, num_classes)
        if 0 <= ignore_index < num_classes:
            counts[ignore_index] = 0
        counts = counts[:num_classes]
        self._sum = self._last + self._sum
        self._last = counts
        return class_areas(counts)

    def evaluate(self, size: int) -> dict:
        """Compute the scores as in mmseg, after one copy of all counts to the CPU.

        Args:
            size (int): Images of the whole data set.  Of several processes the
                last images may be repetitions, which do not count.
        """
        if not self.format_only:
            self.confusion = self._all_pairs(size)
        if self.results:
            counts = [torch.stack(areas) for areas in self.results]
            self.results = list(torch.stack(counts).cpu())
        self._sum = self._last = 0
        return super().evaluate(size)

    def _all_pairs(self, size: int) -> np.ndarray:
        """Return the confusion matrix of all processes, without repetitions."""
        rank, world_size = get_dist_info()
        repeats = len(self.results) > len(range(rank, size, world_size))
        found = self._sum if repeats else self._sum + self._last
        num_classes = len(self.dataset_meta['classes'])
        device = getattr(self._last, 'device', get_device())
        matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)
        matrix += found
        all_reduce(matrix)
        return matrix.cpu().numpy()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Add the scores of every class to mmseg's.

        Args:
            results (list): Areas of every image, int64 (4, C).
        """
        scores = super().compute_metrics(results)
        if self.format_only:
            return scores
        both, union, predicted, labeled = torch.stack(list(results)).sum(0).double()
        parts = dict(IoU=union, Precision=predicted, Recall=labeled)
        for name, whole in parts.items():
            values = (100 * both / whole).tolist()
            for each, value in zip(self.dataset_meta['classes'], values, strict=True):
                scores[f'{name}/{each}'] = round(value, 2)
        return scores


def find_confusion(evaluator: Evaluator) -> ConfusionIoUMetric | None:
    """Return the first metric of an evaluation that has a confusion matrix.

    Args:
        evaluator (Evaluator): Has evaluated.
    """
    for metric in getattr(evaluator, 'metrics', ()):
        if getattr(metric, 'confusion', None) is not None:
            return metric
    return None
