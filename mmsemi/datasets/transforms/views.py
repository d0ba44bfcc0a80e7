"""Add strong views and CutMix boxes to the weak view of an unlabeled image."""

from collections import ChainMap
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS
from mmsemi.structures import NO_BOX, Box

from .boxes import check_bounds, draw_box
from .photometric import RandomBlur, RandomColorJitter, RandomGray, check_bgr

ON_DEVICE = (RandomColorJitter, RandomGray, RandomBlur)


@TRANSFORMS.register_module()
class StrongViews(BaseTransform):
    """Make strong views of the weak one, each with draws of its own.

    Adds ``strong``, a list of (H, W, 3) BGR uint8, and leaves ``img``, the
    weak view, unchanged.  With ``on_device`` it adds ``draws`` instead, the
    same random parameters as dicts of arrays (:class:`mmsemi.structures.Draws`
    without B), from which :class:`mmsemi.models.SemiDataPreprocessor` makes
    the views of a whole batch.

    Args:
        num_views (int): Number of strong views.  Defaults to 2.
        transforms (Sequence[dict]): Configs of the transforms of each view.
            Photometric ones only: a strong view must stay aligned with the
            weak one.
        on_device (bool): Leave the views to the device.  Defaults to False.

    Raises:
        ValueError: ``on_device`` with other transforms than
            ``RandomColorJitter``, ``RandomGray`` and ``RandomBlur`` in this
            order.
    """

    def __init__(
        self,
        num_views: int = 2,
        transforms: Sequence[dict] = (
            dict(type='RandomColorJitter'),
            dict(type='RandomGray'),
            dict(type='RandomBlur'),
        ),
        on_device: bool = False,
    ) -> None:
        self.num_views = num_views
        self.transforms = [TRANSFORMS.build(t) for t in transforms]
        self.on_device = on_device
        kinds = tuple(type(transform) for transform in self.transforms)
        if on_device and kinds != ON_DEVICE:
            raise ValueError(
                'Strong views on the device are made with RandomColorJitter, '
                'RandomGray and RandomBlur, in this order, not with '
                f'{[kind.__name__ for kind in kinds]}: disable one of them with '
                'prob=0, or let the workers make the views '
                '(views_on_device=False).'
            )

    def transform(self, results: dict) -> dict:
        """Add ``strong`` or ``draws``."""
        if self.on_device:
            check_bgr(results['img'])
            results['draws'] = [
                dict(ChainMap(*(t.parameters() for t in self.transforms)))
                for _ in range(self.num_views)
            ]
        else:
            weak = np.ascontiguousarray(results['img'])  # a flip is only a view
            results['strong'] = [self._view(weak) for _ in range(self.num_views)]
        return results

    def _view(self, weak: np.ndarray) -> np.ndarray:
        view = dict(img=weak)
        for transform in self.transforms:
            view = transform(view)
        return view['img']

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_views={self.num_views}, '
            f'transforms={self.transforms}, '
            f'on_device={self.on_device})'
        )


@TRANSFORMS.register_module()
class CutMixBoxes(BaseTransform):
    """Draw a CutMix box for each strong view (Yun et al., 2019).

    Adds ``boxes``, a list of :class:`mmsemi.structures.Box`, empty for a view
    that takes nothing.  A box is drawn with :func:`draw_box`, its area
    once.

    Args:
        num_views (int): Number of strong views.  Defaults to 2.
        prob (float): Probability that a view has a box.  Defaults to 0.5.
        area (tuple[float]): Bounds of the area, as share of the crop.
        ratio (tuple[float]): Bounds of height / width.

    Raises:
        ValueError: Bounds within which no box might ever fit.
    """

    def __init__(
        self,
        num_views: int = 2,
        prob: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
    ) -> None:
        check_bounds(area, ratio)
        self.num_views = num_views
        self.prob = prob
        self.area = area
        self.ratio = ratio

    def draw(self, height: int, width: int) -> Box:
        """Draw the box of one view, or none with probability 1 - ``prob``."""
        if np.random.rand() >= self.prob:
            return NO_BOX
        return draw_box(height, width, self.area, self.ratio)

    def transform(self, results: dict) -> dict:
        """Add ``boxes``."""
        height, width = results['img'].shape[:2]
        results['boxes'] = [self.draw(height, width) for _ in range(self.num_views)]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_views={self.num_views}, '
            f'prob={self.prob}, area={self.area}, ratio={self.ratio})'
        )
