"""Test-time augmentation with which ST's released trainer makes pseudo-labels."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def tta_probabilities(
    predict: Callable[[Tensor], Tensor],
    images: Tensor,
    scales: Sequence[float] = (0.5, 0.75, 1.0, 1.5, 2.0),
) -> Tensor:
    """Sum the probabilities of an image and its mirror image at several scales.

    Each image is resized to ``int(H * scale)`` x ``int(W * scale)``.  The
    softmax is computed at that size, flipped back and resized to H x W; all
    resizing is bilinear with ``align_corners=True``.  An image and its mirror
    image share a batch and, because resizing is linear, the final resize.

    Paper: `ST++: Make Self-training Work Better for Semi-supervised Semantic
    Segmentation <https://arxiv.org/abs/2106.05095>`_.

    Args:
        predict (Callable): Maps images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): Normalized images, (B, 3, H, W).
        scales (Sequence[float]): Positive factors, at least one.  Defaults to
            (0.5, 0.75, 1.0, 1.5, 2.0).

    Returns:
        Tensor: (B, C, H, W); sums to ``2 * len(scales)`` over the classes
        (only the argmax is used).
    """
    height, width = images.shape[2:]

    def resize(x: Tensor, *size: int) -> Tensor:
        return F.interpolate(x, size, mode='bilinear', align_corners=True)

    total: Any = 0
    for scale in scales:
        scaled = resize(images, int(height * scale), int(width * scale))
        logits = predict(torch.cat([scaled, scaled.flip(3)]))
        dtype = torch.promote_types(logits.dtype, torch.float32)
        prob, mirrored = logits.softmax(1, dtype=dtype).chunk(2)
        total = total + resize(prob + mirrored.flip(3), height, width)
    return total
