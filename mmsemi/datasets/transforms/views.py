"""What a consistency method adds to the weak view of an unlabeled image."""

from collections import ChainMap
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS

from .photometric import RandomBlur, RandomColorJitter, RandomGray, check_bgr

ON_DEVICE = (RandomColorJitter, RandomGray, RandomBlur)


@TRANSFORMS.register_module()
class StrongViews(BaseTransform):
    """Make strong views of the weak one, each with draws of its own.

    Adds ``strong1``, ``strong2``, ... (H, W, 3) BGR uint8, and leaves
    ``img``, the weak view, as it is.  With ``on_device`` it adds ``draws1``,
    ``draws2``, ... instead: what was drawn, the same as without, by which
    :class:`mmsemi.models.SemiDataPreprocessor` makes the views of a whole
    batch.

    Args:
        num_views (int): Number of strong views.
        transforms (Sequence[dict]): What to do to each, photometric only:
            a strong view must stay aligned with the weak one.
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
                'Strong views on the device are made by RandomColorJitter, '
                'RandomGray and RandomBlur, in this order, not by '
                f'{[kind.__name__ for kind in kinds]}: give one that is not '
                'wanted prob=0, or leave the views to the workers '
                '(views_on_device=False).'
            )

    def transform(self, results: dict) -> dict:
        if self.on_device:
            check_bgr(results['img'])
            for i in range(1, self.num_views + 1):
                results[f'draws{i}'] = dict(
                    ChainMap(*(t.parameters() for t in self.transforms))
                )
            return results
        weak = np.ascontiguousarray(results['img'])  # a flip is only a view
        for i in range(1, self.num_views + 1):
            view = dict(img=weak)
            for transform in self.transforms:
                view = transform(view)
            results[f'strong{i}'] = view['img']
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_views={self.num_views}, '
            f'transforms={self.transforms}, '
            f'on_device={self.on_device})'
        )


@TRANSFORMS.register_module()
class CutMixBoxes(BaseTransform):
    """Draw a CutMix box for each strong view (Yun et al., 2019).

    Given a crop of S x S: area ~ U(area) * S^2 once per box; then ratio ~
    U(ratio), width ``int(sqrt(area / ratio))``, height ``int(sqrt(area *
    ratio))`` and a uniform corner are drawn until the box lies inside.

    Adds ``box1``, ``box2``, ...: (4,) int64 of x1, y1, x2, y2, half-open;
    all zero where there is none.

    Args:
        num_views (int): Number of strong views.
        prob (float): Probability that a view has a box.
        area (tuple[float]): Bounds of the area, as share of the crop.
        ratio (tuple[float]): Bounds of height / width.

    Raises:
        ValueError: Bounds between which no box might ever fit.
    """

    def __init__(
        self,
        num_views: int = 2,
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
        self.num_views = num_views
        self.prob = prob
        self.area = area
        self.ratio = ratio

    def draw(self, height: int, width: int) -> np.ndarray:
        """Draw one box: (4,) int64."""
        if np.random.rand() >= self.prob:
            return np.zeros(4, np.int64)
        area = np.random.uniform(*self.area) * height * width
        while True:
            ratio = np.random.uniform(*self.ratio)
            w, h = int(np.sqrt(area / ratio)), int(np.sqrt(area * ratio))
            x, y = np.random.randint(0, width), np.random.randint(0, height)
            if x + w <= width and y + h <= height:
                return np.array([x, y, x + w, y + h], np.int64)

    def transform(self, results: dict) -> dict:
        for i in range(1, self.num_views + 1):
            results[f'box{i}'] = self.draw(*results['img'].shape[:2])
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_views={self.num_views}, '
            f'prob={self.prob}, area={self.area}, ratio={self.ratio})'
        )
