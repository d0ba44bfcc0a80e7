"""Keep the images that a network predicts worst."""

import heapq
from typing import NamedTuple

import cv2
import numpy as np
from torch import Tensor

from mmsemi.evaluation.confusion_iou import class_areas
from mmsemi.visualization import viewable
from mmsemi.visualization.legend import blend, confidence_map, lay_out

WIDEST = 640  # pixels of a panel; larger images are reduced
OPACITY = 0.6


class Seen(NamedTuple):
    """An image with its prediction.

    Attributes:
        name (str): Its file.
        image (ndarray): RGB, (H, W, 3), uint8.
        truth (ndarray): True classes, (H, W), uint8.
        predicted (ndarray): Predicted classes, likewise.
        confidence (ndarray): In 1/255, likewise.
    """

    name: str
    image: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray


class ImageScore(NamedTuple):
    """Scores of an image.

    Attributes:
        name (str): Its file.
        iou (float): Mean IoU in [0, 1] over the classes of its mask.
        accuracy (float): Share of its labeled pixels that are right.
        confidence (float): Mean confidence of its labeled pixels.
        worst_class (str): The class of its mask with the lowest IoU.
        pixels (int): Labeled pixels.
    """

    name: str
    iou: float
    accuracy: float
    confidence: float
    worst_class: str
    pixels: int


def score_image(
    name: str, confusion: Tensor, confidence: float, classes: list[str]
) -> ImageScore | None:
    """Score an image by its confusion matrix; None if it has no labeled pixel.

    Args:
        name (str): Its file.
        confusion (Tensor): Pixels, int64 (C, C): rows are true classes.
        confidence (float): Mean confidence.
        classes (list[str]): Name of every class.
    """
    both, union, _, labeled = (each.numpy() for each in class_areas(confusion))
    there = np.flatnonzero(labeled)
    if not len(there):
        return None
    iou = both[there] / union[there]
    return ImageScore(
        name,
        float(iou.mean()),
        float(both.sum() / labeled.sum()),
        confidence,
        classes[there[iou.argmin()]],
        int(labeled.sum()),
    )


class Worst:
    """The images of the lowest mean IoU, at most so many.

    Args:
        most (int): How many.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._heap: list[tuple[float, int, ImageScore, Seen]] = []
        self._count = 0

    def wants(self, score: ImageScore) -> bool:
        """Tell whether an image is among the worst so far."""
        full = len(self._heap) >= self.most
        return bool(self.most) and not (full and -score.iou <= self._heap[0][0])

    def add(self, score: ImageScore, seen: Seen) -> None:
        """Keep an image, and drop the best one if there are too many."""
        self._count += 1
        entry = -score.iou, -self._count, score, seen
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def sorted(self) -> list[tuple[ImageScore, Seen]]:
        """Return them, the worst first."""
        return [entry[2:] for entry in sorted(self._heap, reverse=True)]


def fit(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return an image (H, W, C) uint8, as loaded, as RGB of the shape of its mask."""
    image = viewable(image)[..., ::-1]
    if image.shape[:2] != shape:
        image = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)


def draw(seen: Seen, classes: list[str], palette: list) -> np.ndarray:
    """Draw image, truth, prediction, confidence and errors, above a legend, RGB."""
    height, width = seen.truth.shape
    factor = min(1.0, WIDEST / width)
    size = round(width * factor), round(height * factor)
    image = cv2.resize(seen.image, size, interpolation=cv2.INTER_AREA)
    truth, predicted = (
        cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        for mask in (seen.truth, seen.predicted)
    )
    confidence = cv2.resize(seen.confidence, size, interpolation=cv2.INTER_AREA) / 255
    known = truth < len(classes)
    wrong = known & (truth != predicted)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2)
    errors = np.where(wrong[..., None], blend(image, predicted, palette, 0.8), gray)
    errors[~known] //= 3
    panels = {
        'image': image,
        'truth': blend(image, truth, palette, OPACITY),
        'prediction': blend(image, predicted, palette, OPACITY),
        'confidence': confidence_map(confidence),
        f'errors: {100 * wrong.sum() / max(known.sum(), 1):.3g} %': errors,
    }
    occurring = sorted({*np.unique(truth).tolist(), *np.unique(predicted).tolist()})
    return lay_out(panels, occurring, classes, palette, 3)
