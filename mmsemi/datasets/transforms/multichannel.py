"""Photometric transforms of images with any number of channels."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmsemi.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomChannelJitter(BaseTransform):
    """Change brightness and contrast of each channel independently.

    The counterpart of :class:`RandomColorJitter`, which needs BGR: factors
    that differ between channels replace saturation and hue. Blurring needs no
    counterpart: ``RandomBlur`` accepts any number of channels.

    Changes ``img`` (H, W, C) uint8.

    Args:
        prob (float): Probability of a change.
        brightness (float): Strength b; the factor is drawn from
            ``[max(0, 1 - b), 1 + b]``.
        contrast (float): Strength of the contrast about the mean of the
            channel; its factor is drawn likewise.

    Raises:
        ValueError: A strength is negative.
    """

    def __init__(
        self, prob: float = 0.8, brightness: float = 0.5, contrast: float = 0.5
    ) -> None:
        if min(brightness, contrast) < 0:
            raise ValueError(
                f'brightness={brightness} and contrast={contrast} are strengths, '
                'and none may be negative.'
            )
        self.prob = prob
        self.brightness = brightness
        self.contrast = contrast

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        if np.random.rand() >= self.prob:
            return results
        img = results['img']
        channels = img.shape[2]
        factor, contrast = (
            np.random.uniform(max(1 - s, 0), 1 + s, (channels, 1))
            for s in (self.brightness, self.contrast)
        )
        mean = img.mean((0, 1))[:, None]
        # A table per channel: (C, 256).
        table = factor * (mean + contrast * (np.arange(256) - mean))
        table = table.clip(0, 255).round().astype(np.uint8)
        results['img'] = np.dstack(
            [
                cv2.LUT(np.ascontiguousarray(img[..., c]), table[c])
                for c in range(channels)
            ]
        )
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(prob={self.prob}, '
            f'brightness={self.brightness}, contrast={self.contrast})'
        )
