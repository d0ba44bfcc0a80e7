"""Test-time augmentation as ST's released trainer labels with."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def tta_probabilities(
    predict: Callable[[Tensor], Tensor],
    images: Tensor,
    scales: Sequence[float] = (0.5, 0.75, 1.0, 1.5, 2.0),
) -> Tensor:
    """Sum of the probabilities over several scales, as seen and flipped.

    Every image is resized to ``int(H * scale)`` x ``int(W * scale)``; the
    softmax is taken at that size, turned back, and resized to H x W (bilinear
    and ``align_corners`` throughout).  An image and its mirror share a batch
    and, since resizing is linear, one resize.

    Paper: `ST++: Make Self-training Work Better for Semi-supervised Semantic
    Segmentation <https://arxiv.org/abs/2106.05095>`_.

    Args:
        predict (Callable): Images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): (B, 3, H, W), normalised.
        scales (Sequence[float]): Positive.

    Returns:
        Tensor: (B, C, H, W), summing to ``2 * len(scales)`` over the classes
        (argmax is what counts).
    """
    height, width = images.shape[2:]

    def resize(x: Tensor, *size: int) -> Tensor:
        return F.interpolate(x, size, mode='bilinear', align_corners=True)

    total = 0
    for scale in scales:
        scaled = resize(images, int(height * scale), int(width * scale))
        logits = predict(torch.cat([scaled, scaled.flip(3)]))
        dtype = torch.promote_types(logits.dtype, torch.float32)
        prob, mirrored = logits.softmax(1, dtype=dtype).chunk(2)
        total = total + resize(prob + mirrored.flip(3), height, width)
    return total
