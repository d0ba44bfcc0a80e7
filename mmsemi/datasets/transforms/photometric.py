"""Photometric transforms of the strong views.

Backend ``'cv2'`` is several times faster than ``'pillow'``.  The latter gives
bit for bit what torchvision and PIL compute for RGB images, which the
published results were trained with.  The two differ by rounding: in
photographs by half a level of 255 on average, with 94 % of the values within
one level; by up to about thirty levels where the hue of a saturated colour is
shifted and its contrast then increased.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image, ImageEnhance, ImageFilter

from mmsemi.registry import TRANSFORMS
from mmsemi.structures import ADJUSTMENTS


def pil_enhance(kind: type, image: Image.Image, factor: float) -> Image.Image:
    """Apply one of PIL's ``ImageEnhance`` classes."""
    return kind(image).enhance(factor)


def pil_hue(image: Image.Image, factor: float) -> Image.Image:
    """Shift the hue by ``factor`` of the circle, in 8-bit HSV."""
    shift = int(factor * 255)
    table = [(value + shift) % 256 for value in range(256)]
    hsv = image.convert('HSV').point(table + 2 * list(range(256)))
    return hsv.convert('RGB')


def blend(img: np.ndarray, factor: float, level: int = 0) -> np.ndarray:
    """Compute ``level + factor * (img - level)`` with a table of 256 values."""
    table = level + factor * (np.arange(256) - level)
    return cv2.LUT(img, np.clip(table, 0, 255).astype(np.uint8))


def cv2_contrast(img: np.ndarray, factor: float) -> np.ndarray:
    """Scale the distance of an (H, W, 3) BGR image from its mean luma."""
    mean = cv2.mean(mmcv.bgr2gray(img))[0]
    return blend(img, factor, int(mean + 0.5))


# Some functions of mmcv have the same definition and are not used: its pillow
# ones convert from and to BGR every time, and `adjust_color` warns; its
# `adjust_contrast` takes longer than all of these together.
ADJUST: dict[str, dict[str, Callable]] = dict(
    pillow=dict(
        brightness=partial(pil_enhance, ImageEnhance.Brightness),
        contrast=partial(pil_enhance, ImageEnhance.Contrast),
        saturation=partial(pil_enhance, ImageEnhance.Color),
        hue=pil_hue,
    ),
    cv2=dict(
        brightness=blend,
        contrast=cv2_contrast,
        saturation=partial(mmcv.adjust_color, backend='cv2'),
        hue=partial(mmcv.adjust_hue, backend='cv2'),
    ),
)


def box_weights(sigma: float) -> np.ndarray:
    """Compute the box filter that, applied three times, blurs like a Gaussian.

    As in PIL's ``GaussianBlur``: whole pixels with a fractional one at either
    end, so that the variance of three passes is ``sigma ** 2`` (Gwosdek et
    al., 2011).  A sampled Gaussian blurs too little for ``sigma`` below half
    a pixel.

    Args:
        sigma (float): Standard deviation, in pixels.

    Returns:
        ndarray: Weights that sum to 1, odd in number, float64.
    """
    variance = sigma**2 / 3
    radius = int((math.sqrt(12 * variance + 1) - 1) / 2)
    box = np.ones(2 * radius + 3)
    box[[0, -1]] = (
        (2 * radius + 1)
        * (radius * (radius + 1) - 3 * variance)
        / (6 * (variance - (radius + 1) ** 2))
    )
    return box / box.sum()


def box_blur(img: np.ndarray, sigma: float) -> np.ndarray:
    """Blur (H, W, C) uint8 with three passes of :func:`box_weights`."""
    box = box_weights(sigma)
    for _ in range(3):
        img = cv2.sepFilter2D(img, -1, box, box, borderType=cv2.BORDER_REPLICATE)
    return img


def check_bgr(img: np.ndarray) -> None:
    """Refuse images that have no colours to change.

    Raises:
        ValueError: The image has other than three channels.
    """
    if img.shape[2] != 3:
        raise ValueError(
            f'An image with {img.shape[2]} channels has no colours to '
            'change: give StrongViews `transforms` of RandomChannelJitter '
            'and RandomBlur.'
        )


def through_pil(img: np.ndarray, change: Callable) -> np.ndarray:
    """Apply a function of PIL RGB images to an (H, W, 3) BGR array."""
    image = change(Image.fromarray(mmcv.bgr2rgb(img)))
    return mmcv.rgb2bgr(np.asarray(image))


def check_backend(backend: str) -> str:
    """Return the name of a backend.

    Raises:
        ValueError: There is no such backend.
    """
    if backend not in ADJUST:
        raise ValueError(f"`backend` is {backend!r}, but must be 'cv2' or 'pillow'.")
    return backend


@TRANSFORMS.register_module()
class RandomColorJitter(BaseTransform):
    """Change brightness, contrast, saturation and hue, in random order.

    Changes ``img`` (H, W, 3) BGR uint8.

    Args:
        prob (float): Probability that anything is changed.  Defaults to 0.8.
        brightness (float): Factor drawn from ``[max(0, 1 - b), 1 + b]``.
        contrast (float): Likewise.
        saturation (float): Likewise.
        hue (float): Shift drawn from ``[-hue, hue]``, in parts of the circle,
            at most 0.5.
        backend (str): ``'cv2'`` or ``'pillow'``, see the module.
            Defaults to 'cv2'.

    Raises:
        ValueError: A strength is negative, ``hue`` above 0.5, or the backend
            unknown.
    """

    def __init__(
        self,
        prob: float = 0.8,
        brightness: float = 0.5,
        contrast: float = 0.5,
        saturation: float = 0.5,
        hue: float = 0.25,
        backend: str = 'cv2',
    ) -> None:
        strengths = dict(
            zip(ADJUSTMENTS, (brightness, contrast, saturation, hue), strict=True)
        )
        if min(strengths.values()) < 0 or hue > 0.5:
            raise ValueError(
                f'The strengths are {strengths}, but none may be '
                'negative, and `hue` at most 0.5.'
            )
        self.prob = prob
        self.strengths = strengths
        self.backend = check_backend(backend)

    def draw(self) -> list[tuple[str, float]]:
        """Draw the adjustments and their factors, in the order to apply them."""
        factors = []
        for name, strength in self.strengths.items():
            center = 0 if name == 'hue' else 1
            low = center - strength
            if name != 'hue':
                low = max(low, 0)
            if strength > 0:
                factors.append((name, np.random.uniform(low, center + strength)))
        return [factors[i] for i in np.random.permutation(len(factors))]

    def parameters(self) -> dict[str, np.ndarray]:
        """Draw what a :meth:`transform` would, for :func:`strong_view`.

        Returns:
            dict[str, ndarray]: ``adjust`` (4,) int64 and ``factor`` (4,)
            float32, as in :class:`mmsemi.structures.Draws`.
        """
        factors = self.draw() if np.random.rand() < self.prob else []
        adjust = np.zeros(len(ADJUSTMENTS), np.int64)
        factor = np.ones(len(ADJUSTMENTS), np.float32)  # brightness * 1: no change
        for i, (name, value) in enumerate(factors):
            adjust[i], factor[i] = ADJUSTMENTS.index(name), value
        return dict(adjust=adjust, factor=factor)

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        check_bgr(results['img'])
        if np.random.rand() >= self.prob:
            return results
        factors = self.draw()

        def adjust(img: Any) -> Any:
            for name, factor in factors:
                img = ADJUST[self.backend][name](img, factor)
            return img

        if self.backend == 'pillow':
            results['img'] = through_pil(results['img'], adjust)
        else:
            results['img'] = adjust(results['img'])
        return results

    def __repr__(self) -> str:
        strengths = ', '.join(f'{k}={v}' for k, v in self.strengths.items())
        return (
            f'{type(self).__name__}(prob={self.prob}, {strengths}, '
            f'backend={self.backend!r})'
        )


@TRANSFORMS.register_module()
class RandomGray(BaseTransform):
    """Replace the colours with their luma, rounded as in PIL.

    (mmcv's ``RandomGrayscale`` truncates: every second pixel is a level
    darker.)  Changes ``img`` (H, W, 3) BGR uint8.

    Args:
        prob (float): Probability of the change.  Defaults to 0.2.
    """

    def __init__(self, prob: float = 0.2) -> None:
        self.prob = prob

    def parameters(self) -> dict[str, np.ndarray]:
        """Draw ``gray``, () bool, as in :class:`RandomColorJitter`."""
        return dict(gray=np.array(np.random.rand() < self.prob))

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        check_bgr(results['img'])
        if np.random.rand() < self.prob:
            rgb = Image.fromarray(mmcv.bgr2rgb(results['img']))
            results['img'] = mmcv.gray2bgr(np.asarray(rgb.convert('L')))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class RandomBlur(BaseTransform):
    """Blur with a Gaussian of random width.

    Changes ``img`` (H, W, C) uint8.

    Args:
        prob (float): Probability of the change.  Defaults to 0.5.
        sigma (tuple[float]): Bounds of the standard deviation, in pixels.
        backend (str): ``'cv2'`` or ``'pillow'``, see the module.
            Defaults to 'cv2'.

    Raises:
        ValueError: ``sigma`` is not positive and ascending, or the backend
            unknown.
    """

    def __init__(
        self,
        prob: float = 0.5,
        sigma: tuple[float, float] = (0.1, 2.0),
        backend: str = 'cv2',
    ) -> None:
        if not 0 < sigma[0] <= sigma[1]:
            raise ValueError(
                f'`sigma` is {sigma}, but must be positive and '
                'ascending, as in (0.1, 2.0).'
            )
        self.prob = prob
        self.sigma = sigma
        self.backend = check_backend(backend)

    def parameters(self) -> dict[str, np.ndarray]:
        """Draw ``kernel``, (K,) float32, as in :class:`RandomColorJitter`.

        K is that of the widest blur, whatever was drawn, so that kernels of
        several images stack.
        """
        kernel = np.zeros(len(box_weights(self.sigma[1])), np.float32)
        box = np.ones(1)
        if np.random.rand() < self.prob:
            box = box_weights(np.random.uniform(*self.sigma))
        around = (len(kernel) - len(box)) // 2
        kernel[around : len(kernel) - around] = box
        return dict(kernel=kernel)

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        if np.random.rand() >= self.prob:
            return results
        sigma = np.random.uniform(*self.sigma)
        img = results['img']
        if self.backend == 'pillow':
            image = Image.fromarray(img)  # each channel alone: BGR is fine
            results['img'] = np.array(image.filter(ImageFilter.GaussianBlur(sigma)))
        else:
            results['img'] = box_blur(img, sigma)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, '
            f'sigma={self.sigma}, backend={self.backend!r})'
        )
