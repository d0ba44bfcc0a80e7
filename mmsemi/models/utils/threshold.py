"""Confidence thresholds that adapt to the network."""

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .pseudo_label import PseudoLabel


class AdaptiveThreshold(nn.Module):
    """CorrMatch's threshold: a moving average of the classes' top confidences.

    Each update computes ``t <- momentum * t + (1 - momentum) * c``.  Here c is
    the mean, over all predicted classes, of the class's largest confidence in
    the images of all processes.  A class that is predicted only on padding
    does not count; without any valid pixel t keeps its value.

    The threshold is the buffer ``value``, a scalar: it is saved and resumed
    with the weights and is the same on every process.  No update synchronizes
    with the device.

    Paper: `CorrMatch <https://arxiv.org/abs/2306.04300>`_.

    Args:
        init (float): Initial threshold, in [0, 1].  Defaults to 0.85.
        momentum (float): Weight of the old value in an update, in [0, 1].
            Defaults to 0.999.
    """

    value: Tensor

    def __init__(self, init: float = 0.85, momentum: float = 0.999) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer('value', torch.tensor(float(init)))

    @torch.no_grad()
    def update(self, pred: PseudoLabel, num_classes: int) -> Tensor:
        """Update the threshold with a batch of predictions.

        Args:
            pred (PseudoLabel): Predictions of this process, (B, H, W) each.
            num_classes (int): Labels are in 0..num_classes-1.

        Returns:
            Tensor: A copy of the new threshold, a scalar.
        """
        conf = torch.where(pred.valid, pred.conf, 0)
        # Reduce each row first: on a GPU, the maxima of few classes over many
        # pixels would contend for the same addresses.
        largest = (
            conf.new_zeros(*conf.shape[:2], num_classes)
            .scatter_reduce(2, pred.label, conf, 'amax')
            .amax((0, 1))
        )
        all_reduce(largest, 'max')
        predicted = (largest > 0).sum()
        mean = largest.sum() / predicted.clamp(min=1)
        value = self.momentum * self.value + (1 - self.momentum) * mean
        self.value.copy_(torch.where(predicted > 0, value, self.value))
        return self.value.clone()
