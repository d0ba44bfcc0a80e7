"""Random operations of random strength, the strong view of AugSeg."""

from collections.abc import Callable

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from mmsemi.registry import TRANSFORMS

from .photometric import check_bgr, pil_enhance, pil_hue, through_pil


def _enhance(kind: type) -> Callable:
    def change(image: Image.Image) -> Image.Image:
        return pil_enhance(kind, image, np.random.uniform(0.05, 0.95))

    return change


def _blur(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(np.random.uniform(0.1, 2.0)))


def _posterize(image: Image.Image) -> Image.Image:
    return ImageOps.posterize(image, int(np.random.randint(4, 8)))


def _solarize(image: Image.Image) -> Image.Image:
    return ImageOps.solarize(image, int(np.random.randint(0, 256)))


def _hue(image: Image.Image) -> Image.Image:
    return pil_hue(image, np.random.uniform(-0.5, 0.5))


OPERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = dict(
    identity=lambda image: image,
    autocontrast=ImageOps.autocontrast,
    equalize=ImageOps.equalize,
    blur=_blur,
    contrast=_enhance(ImageEnhance.Contrast),
    brightness=_enhance(ImageEnhance.Brightness),
    color=_enhance(ImageEnhance.Color),
    sharpness=_enhance(ImageEnhance.Sharpness),
    posterize=_posterize,
    solarize=_solarize,
    hue=_hue,
)


@TRANSFORMS.register_module()
class RandomIntensity(BaseTransform):
    """Apply a random number of operations, each of uniform random strength.

    Changes ``img`` (H, W, 3) BGR uint8.  The number is uniform in 1..most,
    the operations are drawn with replacement from: none, autocontrast,
    histogram equalization, blur (sigma 0.1 to 2), contrast, brightness,
    saturation and sharpness (factor 0.05 to 0.95), posterization (4 to 7
    bits), solarization (threshold 0 to 255) and hue (up to half of the circle).

    Source: `AugSeg <https://arxiv.org/abs/2212.04976>`_, section 3.2.

    Args:
        most (int): Largest number of operations, 1 or more.  Defaults to 3.
        operations (tuple[str], optional): Names of the operations to draw
            from.  Defaults to all.

    Raises:
        ValueError: ``most`` is below 1, or an operation unknown.
    """

    def __init__(self, most: int = 3, operations: tuple[str, ...] | None = None):
        names = tuple(OPERATIONS) if operations is None else tuple(operations)
        unknown = [name for name in names if name not in OPERATIONS]
        if unknown or not names:
            raise ValueError(
                f'`operations` is {names}, but must name some of '
                f'{", ".join(OPERATIONS)}.'
            )
        if most < 1:
            raise ValueError(f'`most` is {most}, but must be 1 or more.')
        self.most = most
        self.operations = names

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        check_bgr(results['img'])
        drawn = np.random.choice(
            self.operations, np.random.randint(1, self.most + 1), replace=True
        )

        def change(image: Image.Image) -> Image.Image:
            for name in drawn:
                image = OPERATIONS[name](image)
            return image

        results['img'] = through_pil(results['img'], change)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(most={self.most}, operations={self.operations})'
