"""Measure how much the snapshots of a training run agree on an image."""

import torch
from torch import Tensor


def snapshot_reliability(labels: Tensor, num_classes: int) -> Tensor:
    """Compute the mean IoU between the earlier snapshots and the last one.

    A class that occurs in neither of two predictions is left out of their
    mean.  Everything is computed on the labels' device.

    Paper: `ST++: Make Self-training Work Better for Semi-supervised Semantic
    Segmentation <https://arxiv.org/abs/2106.05095>`_, equation 4.

    Args:
        labels (Tensor): Classes predicted by K >= 2 snapshots, oldest first:
            (K, B, H, W), integer, in 0..num_classes - 1.
        num_classes (int): C.

    Returns:
        Tensor: One value per image, (B,), float64 in [0, 1]; 1 if all
        snapshots agree.
    """
    earlier, last = labels[:-1].long(), labels[-1].long()
    groups = earlier.shape[:2].numel()
    group = torch.arange(groups, device=labels.device).view(*earlier.shape[:2], 1, 1)
    pairs = (group * num_classes + last) * num_classes + earlier
    counts = torch.bincount(pairs.flatten(), minlength=groups * num_classes**2).view(
        *earlier.shape[:2], num_classes, num_classes
    )
    both = counts.diagonal(dim1=2, dim2=3)
    either = counts.sum(2) + counts.sum(3) - both
    return (both.double() / either).nanmean(2).mean(0)
