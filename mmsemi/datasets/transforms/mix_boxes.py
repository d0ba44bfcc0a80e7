"""Boxes of CutMix as Mean Teacher, CPS and AugSeg draw them."""

import math

import numpy as np
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS
from mmsemi.structures import Box

Bounds = tuple[float, float]


@TRANSFORMS.register_module()
class ShareBoxes(BaseTransform):
    """Draw boxes of a given share of the area, of any shape.

    Adds ``boxes``, a list of :class:`mmsemi.structures.Box`.  A box of the
    share p has the height ``p ** r`` and the width ``p ** (1 - r)`` of the
    crop, r ~ U(0, 1), and a uniform place.  Of n boxes, which are meant to
    toggle (:func:`mmsemi.models.utils.toggled`), each side is divided by
    ``sqrt(n)``.

    Source: `CutMix-Seg <https://arxiv.org/abs/1906.01916>`_, section 4.2, and
    its released code.

    Args:
        num_views (int): Number of boxes.  Defaults to 1.
        area (tuple[float]): Bounds of the share, each in (0, 1]; drawn for
            each box.  Defaults to (0.5, 0.5).

    Raises:
        ValueError: ``area`` is not ascending in (0, 1].
    """

    def __init__(self, num_views: int = 1, area: Bounds = (0.5, 0.5)) -> None:
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(
                f'`area` is {area}, but must be ascending in (0, 1], as in (0.25, 0.5).'
            )
        self.num_views = num_views
        self.area = area

    def transform(self, results: dict) -> dict:
        """Add ``boxes``."""
        size = results['img'].shape[:2]
        results['boxes'] = [self._draw(*size) for _ in range(self.num_views)]
        return results

    def _draw(self, height: int, width: int) -> Box:
        share = np.random.uniform(*self.area)
        tall = share ** np.random.rand()
        scale = math.sqrt(1 / self.num_views)
        h, w = round(height * tall * scale), round(width * share / tall * scale)
        y, x = (
            round((height - h) * np.random.rand()),
            round((width - w) * np.random.rand()),
        )
        return Box(x, y, x + w, y + h)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_views={self.num_views}, area={self.area})'


@TRANSFORMS.register_module()
class CenteredBoxes(BaseTransform):
    """Draw boxes around random centers, cut off at the border.

    Adds ``boxes``, a list of :class:`mmsemi.structures.Box`.  The sides are
    ``sqrt(1 - share)`` of the crop's, ``share ~ Beta(*concentration)``; the
    center is uniform in the last seven eighths of each side.

    Source: `CutMix <https://arxiv.org/abs/1905.04899>`_, as in `AugSeg
    <https://arxiv.org/abs/2212.04976>`_.

    Args:
        num_views (int): Number of boxes.  Defaults to 1.
        concentration (tuple[float]): Parameters of the Beta distribution,
            above 0.  Defaults to (4, 4).

    Raises:
        ValueError: A parameter is not above 0.
    """

    def __init__(self, num_views: int = 1, concentration: Bounds = (4, 4)) -> None:
        if len(concentration) != 2 or min(concentration) <= 0:
            raise ValueError(
                f'`concentration` is {concentration}, but must be two numbers above 0.'
            )
        self.num_views = num_views
        self.concentration = concentration

    def transform(self, results: dict) -> dict:
        """Add ``boxes``."""
        height, width = results['img'].shape[:2]
        results['boxes'] = [self._draw(height, width) for _ in range(self.num_views)]
        return results

    def _draw(self, height: int, width: int) -> Box:
        x, y = np.random.uniform(1 / 8, 1, 2)
        side = math.sqrt(1 - np.random.beta(*self.concentration))
        return Box.around(x, y, side, height, width)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_views={self.num_views}, '
            f'concentration={self.concentration})'
        )
