"""Cutout for images that are trained on with their pseudo-labels."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS

from .boxes import check_bounds, draw_box


@TRANSFORMS.register_module()
class NoiseCutout(BaseTransform):
    """Replace a random box with noise, and ignore it in the mask.

    The box is drawn with :func:`draw_box`, its area anew with every attempt
    (:class:`CutMixBoxes` draws it once), as in the released `ST++
    <https://arxiv.org/abs/2106.05095>`_.  Every value in the box becomes
    U(0, 255), the mask 255.

    Changes ``img`` (H, W, C) uint8 and all ``seg_fields`` (H, W).

    Args:
        prob (float): Probability that a box is replaced.  Defaults to 0.5.
        area (tuple[float]): Bounds of the area, as share of the image.
        ratio (tuple[float]): Bounds of height / width.

    Raises:
        ValueError: Bounds within which no box might ever fit.
    """

    def __init__(
        self,
        prob: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
    ) -> None:
        check_bounds(area, ratio)
        self.prob = prob
        self.area = area
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Replace a box of copies of the image and its masks."""
        if np.random.rand() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        x1, y1, x2, y2 = draw_box(
            height, width, self.area, self.ratio, redraw_area=True
        )
        box = slice(y1, y2), slice(x1, x2)
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
