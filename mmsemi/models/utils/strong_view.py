"""Strong views of a whole batch, made on the device."""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from mmsemi.structures import ADJUSTMENTS, Draws


def strong_view(images: Tensor, draws: Draws) -> Tensor:
    """Make a strong view of every image, as the loader's workers would.

    Applies colour jitter, grayscale and blur with the parameters drawn for
    each image, rounding to whole levels of 255 after every step as PIL does:
    all but a few values in a million are PIL's, and those are off by a level
    or two.  Nothing waits for the host: all adjustments are computed for all
    images, and each image takes them in its own order.

    Args:
        images (Tensor): Weak views, (B, 3, H, W) BGR uint8.
        draws (Draws): From :class:`mmsemi.datasets.transforms.StrongViews`; may have
            any number of adjustments.

    Returns:
        Tensor: (B, 3, H, W) BGR float32, whole numbers in 0..255.
    """
    images = images.float()
    adjusts, factors = draws['adjust'].unbind(1), draws['factor'].unbind(1)
    for adjust, factor in zip(adjusts, factors, strict=True):
        images = _adjust(images, _each(adjust), _each(factor))
    images = torch.where(_each(draws['gray']), _luma(images), images)
    return _box_blur(images, draws['kernel'])


def _each(values: Tensor) -> Tensor:
    """Reshape one value per image from (B,) to (B, 1, 1, 1)."""
    return values[:, None, None, None]


def _luma(images: Tensor) -> Tensor:
    """Compute PIL's luma, (B, 1, H, W).

    Its weights are multiples of 1 / 65536, so that float32 adds exactly.
    """
    blue, green, red = images.split(1, 1)
    luma = 7471 * blue + 38470 * green + 19595 * red
    return ((luma + 32768) / 65536).floor()


def _adjust(images: Tensor, kind: Tensor, factor: Tensor) -> Tensor:
    """Apply one adjustment to each image; kind and factor (B, 1, 1, 1)."""
    luma = _luma(images)
    # In float32 a sum over a crop is not exact.
    mean = luma.mean((2, 3), True, dtype=torch.float64)
    base = torch.where(kind == ADJUSTMENTS.index('saturation'), luma, 0)
    base = torch.where(
        kind == ADJUSTMENTS.index('contrast'), (mean + 0.5).floor().float(), base
    )
    blended = (base + factor * (images - base)).clamp(0, 255).floor()
    return torch.where(
        kind == ADJUSTMENTS.index('hue'), _turn_hue(images, factor), blended
    )


def _turn_hue(images: Tensor, factor: Tensor) -> Tensor:
    """Shift the hue by a share of the circle, in 8-bit HSV.

    Computes in float32 and in float64 where PIL does: the last bit decides
    between two hues.
    """
    value = images.amax(1, keepdim=True)
    spread = value - images.amin(1, keepdim=True)
    # 0 for the largest channel; without spread the saturation is 0.
    blue, green, red = ((value - images) / spread.clamp(min=1)).split(1, 1)
    hue = torch.where(
        red == 0,
        (blue - green).double(),
        torch.where(
            green == 0,
            2 + red.double() - blue.double(),
            4 + green.double() - red.double(),
        ),
    ).float()
    hue = ((hue.double() / 6 + 1).fmod(1).float() * 255).floor()
    saturation = (spread / value.clamp(min=1) * 255).floor() / 255
    sextant = (hue + (factor * 255).trunc()).remainder(256) * (6 / 255)

    def channel(place: int) -> Tensor:
        turn = (sextant + place).remainder(6)
        away = torch.minimum(turn, 4 - turn).clamp(0, 1)
        return (value * (1 - saturation * away) + 0.5).floor()

    return torch.cat([channel(1), channel(3), channel(5)], 1)


def _box_blur(images: Tensor, kernel: Tensor) -> Tensor:
    """Blur with three boxes along x, then three along y; kernel (B, K)."""
    radius = kernel.shape[1] // 2
    weights = [_each(weight) for weight in kernel.unbind(1)]
    for dim, pad in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
        size = images.shape[dim]
        for _ in range(3):
            padded = F.pad(images, pad, mode='replicate')
            terms = (
                weight * padded.narrow(dim, i, size) for i, weight in enumerate(weights)
            )
            images = (reduce(torch.add, terms) + 0.5).floor()
    return images
