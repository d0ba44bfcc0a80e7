"""Draw a pseudo-label and what a method learns of it."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from .legend import blend, confidence_map, lay_out

DIM = 0.35  # brightness of pixels that are not kept
OPACITY = 0.6
# Blue and orange of Okabe and Ito, which the color-blind tell apart.
RIGHT, WRONG = (0, 114, 178), (230, 120, 0)


def draw_pseudo_label(
    image: np.ndarray,
    label: np.ndarray,
    confidence: np.ndarray,
    kept: np.ndarray,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    *,
    truth: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
) -> np.ndarray:
    """Draw an unlabeled image, its pseudo-label, and the pixels that are kept.

    Args:
        image (ndarray): (H, W, 3), uint8, RGB.
        label (ndarray): Pseudo-label, (H, W), 0..255; pixels beyond the classes
            are black.
        confidence (ndarray): (H, W), in [0, 1].
        kept (ndarray): Pixels that the method learns, bool (H, W); the others
            are gray and dark in the last panel.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.
        truth (ndarray, optional): True classes, (H, W), beyond the classes where
            unknown; a panel then shows which labels that are kept are right.
        prediction (ndarray, optional): Of the network that learns, where another
            one teaches it.

    Returns:
        ndarray: uint8, RGB: panels in two rows, and a legend.
    """
    panels = dict(image=image)
    if truth is not None:
        panels['truth'] = blend(image, truth, palette, OPACITY)
    if prediction is not None:
        panels['prediction'] = blend(image, prediction, palette, OPACITY)
    colored = blend(image, label, palette, OPACITY)
    panels['pseudo-label'] = colored
    panels['confidence'] = confidence_map(confidence)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2)
    dark = np.rint(gray * DIM).astype(np.uint8)
    panels[f'kept: {100 * kept.mean():.3g} %'] = np.where(
        kept[..., None], colored, dark
    )
    if truth is not None:
        known = kept & (truth < len(classes))
        wrong = known & (label != truth)
        colors = blend(gray, wrong.astype(np.uint8), (RIGHT, WRONG), OPACITY)
        share = f'{100 * wrong.sum() / known.sum():.3g} %' if known.any() else 'none'
        panels[f'blue: right, orange: wrong, {share}'] = np.where(
            known[..., None], colors, dark
        )
    masks = [each for each in (label, truth, prediction) if each is not None]
    occurring = sorted({int(i) for each in masks for i in np.unique(each)})
    columns = math.ceil(len(panels) / 2)
    return lay_out(panels, occurring, classes, palette, columns)
