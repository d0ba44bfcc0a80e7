"""Cutout of images that are trained on with their pseudo-labels."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class NoiseCutout(BaseTransform):
    """Replace a random box by noise, and ignore it in the mask.

    Area ~ U(area) * H * W, ratio ~ U(ratio), width ``int(sqrt(area /
    ratio))``, height ``int(sqrt(area * ratio))`` and a uniform corner are all
    drawn until the box lies inside (:class:`CutMixBoxes` draws the area only
    once).  Every value in the box becomes U(0, 255), the mask 255.

    Changes ``img`` (H, W, 3) uint8 and all ``seg_fields`` (H, W).

    Args:
        prob (float): Probability of doing so.
        area (tuple[float]): Bounds of the area, as share of the image.
        ratio (tuple[float]): Bounds of height / width.

    Raises:
        ValueError: Bounds between which no box might ever fit.
    """

    def __init__(
        self,
        prob: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
    ) -> None:
        if not 0 < area[0] <= area[1] < 1:
            raise ValueError(
                f'`area` is {area}, but must be ascending '
                'between 0 and 1, as in (0.02, 0.4).'
            )
        if not 0 < ratio[0] <= 1 <= ratio[1]:
            raise ValueError(
                f'`ratio` is {ratio}, but must be positive and '
                'allow a square, as in (0.3, 3.33).'
            )
        self.prob = prob
        self.area = area
        self.ratio = ratio

    def draw(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a box."""
        while True:
            area = np.random.uniform(*self.area) * height * width
            ratio = np.random.uniform(*self.ratio)
            w, h = int(np.sqrt(area / ratio)), int(np.sqrt(area * ratio))
            x, y = np.random.randint(0, width), np.random.randint(0, height)
            if x + w <= width and y + h <= height:
                return slice(y, y + h), slice(x, x + w)

    def transform(self, results: dict) -> dict:
        if np.random.rand() >= self.prob:
            return results
        box = self.draw(*results['img'].shape[:2])
        img = results['img'] = results['img'].copy()
        img[box] = np.random.uniform(0, 255, img[box].shape)
        for key in results.get('seg_fields', []):
            results[key] = results[key].copy()
            results[key][box] = 255
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, area={self.area}, '
            f'ratio={self.ratio})'
        )
