"""Confidence thresholds that follow the network."""

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .pseudo_label import PseudoLabel


class AdaptiveThreshold(nn.Module):
    """CorrMatch's threshold: a moving average of how sure the classes are.

    At every update ``t <- momentum * t + (1 - momentum) * c``, c being the
    mean, over the classes predicted anywhere, of the largest confidence in
    each, images of all processes taken together.  A class predicted on
    padding alone does not count, and with nothing but padding t stays.

    The value is a buffer, ``value`` (scalar): it is saved and resumed with
    the weights, and the same on every process.  Nothing waits for the device.

    Paper: `CorrMatch <https://arxiv.org/abs/2306.04300>`_.

    Args:
        init (float): The first value, in [0, 1].  Defaults to 0.85.
        momentum (float): Share kept at an update.  Defaults to 0.999.
    """

    def __init__(self, init: float = 0.85, momentum: float = 0.999) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer('value', torch.tensor(float(init)))

    @torch.no_grad()
    def update(self, pred: PseudoLabel, num_classes: int) -> Tensor:
        """Follow a batch of predictions.

        Args:
            pred (PseudoLabel): (B, H, W) each, of this process.
            num_classes (int): Labels are 0..num_classes-1.

        Returns:
            Tensor: The new value, a scalar of its own.
        """
        conf = torch.where(pred.valid, pred.conf, 0)
        # Row by row first: on a GPU, maxima of few classes over many pixels
        # would queue for the same addresses.
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
