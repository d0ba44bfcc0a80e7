"""Count how often predictions of each confidence are right."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .confusion_iou import count_pairs

# Steps of confidence in [0, 1]: all multiples of 1/100 and of 1/15 are their limits.
STEPS = 3000
RELIABILITY_BINS = 15


class ConfidenceCounts:
    """Count pixels by confidence, class and whether their prediction is right.

    Its size does not depend on the number of images.

    Args:
        num_classes (int): Number of classes C.

    Attributes:
        confusion (Tensor): Pixels, int64 (C, C): rows are true classes.
        by_true (Tensor): Pixels of each true class and step of confidence, wrong
            and right ones, int64 (C, STEPS, 2).
        by_predicted (Tensor): Likewise of each predicted class.
        confidence (Tensor): Sum of the confidences of the pixels predicted as each
            class, by step, float64 (C, STEPS).
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.confusion = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        self.by_true = torch.zeros(num_classes, STEPS, 2, dtype=torch.int64)
        self.by_predicted = torch.zeros_like(self.by_true)
        self.confidence = torch.zeros(num_classes, STEPS, dtype=torch.float64)

    def add(self, predicted: Tensor, confidence: Tensor, truth: Tensor) -> Tensor:
        """Count the pixels of an image.

        Args:
            predicted (Tensor): Classes, integer (H, W).
            confidence (Tensor): Their probability, in [0, 1], (H, W).
            truth (Tensor): True classes, integer (H, W); others than 0..C-1 do not
                count.

        Returns:
            Tensor: The image's confusion matrix, int64 (C, C), on the CPU.
        """
        classes = self.num_classes
        counts = count_pairs(predicted, truth, classes)[:classes].cpu()
        self.confusion += counts
        known = truth < classes
        predicted, truth = predicted[known].long(), truth[known].long()
        confidence = confidence[known].clamp(0, 1)
        step = (confidence * STEPS).long().clamp(max=STEPS - 1)
        right = (predicted == truth).long()

        def count(label: Tensor) -> Tensor:
            place = (label * STEPS + step) * 2 + right
            found = torch.bincount(place, minlength=classes * STEPS * 2)
            return found.view(classes, STEPS, 2).cpu()

        self.by_true += count(truth)
        self.by_predicted += count(predicted)
        self.confidence += (
            torch.bincount(
                predicted * STEPS + step, confidence.double(), classes * STEPS
            )
            .view(classes, STEPS)
            .cpu()
        )
        return counts


class Reliability(NamedTuple):
    """How confidence and accuracy agree, in bins of confidence.

    Attributes:
        pixels (ndarray): Of each bin, int64 (15,).
        confidence (ndarray): Their mean confidence, NaN without pixels.
        accuracy (ndarray): Share of them that is right, NaN without pixels.
    """

    pixels: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error (ECE) in [0, 1]; NaN without pixels.

        The mean difference between accuracy and mean confidence of the bins, each
        weighted with its pixels (`Guo et al. <https://arxiv.org/abs/1706.04599>`_,
        equation 3).
        """
        return self._mean(np.abs(self.accuracy - self.confidence))

    @property
    def excess(self) -> float:
        """Mean confidence minus accuracy: above 0 if the network is overconfident."""
        return self._mean(self.confidence - self.accuracy)

    def _mean(self, values: np.ndarray) -> float:
        there = self.pixels > 0
        if not there.any():
            return float('nan')
        return float(np.average(values[there], weights=self.pixels[there]))


def reliability(counts: ConfidenceCounts, predicted: int | None = None) -> Reliability:
    """Compare confidence and accuracy.

    Args:
        counts (ConfidenceCounts): Of all images.
        predicted (int, optional): Only of the pixels predicted as this class.
            Defaults to None: of all.
    """
    part = slice(None) if predicted is None else slice(predicted, predicted + 1)
    pixels = counts.by_predicted[part].sum(0).numpy()
    pixels = pixels.reshape(RELIABILITY_BINS, -1, 2).sum(1)
    sums = counts.confidence[part].sum(0).numpy()
    sums = sums.reshape(RELIABILITY_BINS, -1).sum(1)
    whole = pixels.sum(1)
    nothing = np.full(RELIABILITY_BINS, np.nan)
    return Reliability(
        whole,
        np.divide(sums, whole, out=nothing.copy(), where=whole > 0),
        np.divide(pixels[:, 1], whole, out=nothing.copy(), where=whole > 0),
    )


class Thresholds(NamedTuple):
    """What each threshold of confidence keeps: pixels with ``conf >= t``.

    Index i is the threshold i / 3000.  With a true class, these are the pixels of
    that class; with a predicted one, the pixels predicted as it.

    Attributes:
        right (ndarray): Right pixels that are kept, int64 (3000,).
        wrong (ndarray): Wrong pixels that are kept.
    """

    right: np.ndarray
    wrong: np.ndarray

    @classmethod
    def of(cls, counts: Tensor) -> 'Thresholds':
        """Sum counts of wrong and right pixels by step, (3000, 2), from above."""
        kept = counts.flip(0).cumsum(0).flip(0).numpy()
        return cls(kept[:, 1], kept[:, 0])

    @staticmethod
    def index(threshold: float) -> int:
        """Return the index of a threshold, rounded to the nearest step."""
        return min(max(round(threshold * STEPS), 0), STEPS - 1)

    @property
    def coverage(self) -> np.ndarray:
        """Share of the pixels that is kept; NaN if there are none."""
        kept = self.right + self.wrong
        return _divided(kept, np.full(STEPS, kept[0]))

    @property
    def accuracy(self) -> np.ndarray:
        """Share of the kept pixels that is right; NaN if none is kept."""
        return _divided(self.right, self.right + self.wrong)

    @property
    def separation(self) -> np.ndarray:
        """Share of the right pixels that is kept minus that of the wrong ones.

        Youden's J: 1 if a threshold keeps all that is right and nothing else, 0 if
        it keeps as much of both.  NaN if all is right, or wrong.
        """
        shares = (_divided(k, np.full(STEPS, k[0])) for k in (self.right, self.wrong))
        right, wrong = shares
        return right - wrong

    @property
    def best(self) -> float | None:
        """The threshold of the best separation, the lowest of several; or None."""
        separation = self.separation
        if np.isnan(separation).any():
            return None
        return int(separation.argmax()) / STEPS


def _divided(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
