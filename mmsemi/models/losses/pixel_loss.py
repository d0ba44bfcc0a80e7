"""Base class of the losses for ``loss_decode``."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class PixelLoss(nn.Module):
    """Base class of losses for ``loss_decode`` of any mmseg head.

    A child computes the loss of a batch in :meth:`compute`.  If it is a sum over
    pixels, the child also overrides :meth:`per_pixel`, so that it works with a
    pixel sampler of the head.

    Args:
        loss_weight (float): Factor of the loss.  Defaults to 1.0.
        loss_name (str, optional): Name in the log.  It must begin with
            ``loss_``, or mmseg's heads log the term but do not train on it.
            Defaults to the class's own name.
        class_weight (Sequence[float], optional): A weight for each class,
            class 0 first, 0 or more.  Defaults to None: classes count alike.

    Raises:
        ValueError: ``class_weight`` is no list of such numbers.
    """

    default_name = 'loss_seg'
    class_weight: Tensor | None

    def __init__(
        self,
        loss_weight: float = 1.0,
        loss_name: str | None = None,
        class_weight: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name or self.default_name
        weights = None
        if class_weight is not None:
            weights = torch.tensor(self._checked(class_weight))
        # Moves to the device with the network, but is not saved in checkpoints.
        self.register_buffer('class_weight', weights, persistent=False)

    def _checked(self, class_weight: Sequence[float]) -> list[float]:
        try:
            weights = [float(w) for w in class_weight]
        except (TypeError, ValueError):
            weights = []
        if (
            isinstance(class_weight, str)
            or not weights
            or not all(math.isfinite(w) and w >= 0 for w in weights)
            or not any(weights)
        ):
            raise ValueError(
                f'class_weight of {type(self).__name__} must be a list with a number '
                f'for each class, 0 or more and not all 0, not {class_weight!r}.'
            )
        return weights

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        reduction_override: str | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Compute the loss of a batch.

        Args:
            pred (Tensor): Logits, (B, C, S, S).
            target (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
            weight (Tensor, optional): Factor of each pixel's loss, (B, S, S),
                from a pixel sampler of the head.
            ignore_index (int): Marks pixels without a label.  Defaults to
                255.
            reduction_override (str, optional): 'none' for the loss of every
                pixel, which mmseg's ``OHEMPixelSampler`` reads.
            **kwargs: Accepted because mmseg's heads pass them; not used.

        Returns:
            Tensor: Scalar, 0 if no pixel is labeled; (B, S, S) with 'none'.

        Raises:
            ValueError: Another reduction is requested; the head has a pixel
                sampler, and this loss is not a sum over pixels; the number of
                class weights is not the number of classes.
        """
        self._check_length(pred)
        if type(self).per_pixel is PixelLoss.per_pixel and (
            weight is not None or reduction_override is not None
        ):
            raise ValueError(
                f'{type(self).__name__} is not a sum over pixels, from which a sampler '
                'could select: remove `sampler` from the decode head.'
            )
        if reduction_override == 'none':
            loss = self.per_pixel(pred, target, ignore_index)
            return self.loss_weight * (loss if weight is None else loss * weight)
        if reduction_override not in (None, 'mean'):
            raise ValueError(
                f'{type(self).__name__} has no reduction {reduction_override!r}: '
                "use 'mean' or 'none'."
            )
        return self.loss_weight * self.compute(pred, target, weight, ignore_index)

    def _check_length(self, pred: Tensor) -> None:
        if self.class_weight is None or len(self.class_weight) == pred.shape[1]:
            return
        raise ValueError(
            f'class_weight of {type(self).__name__} has {len(self.class_weight)} '
            f'weights for {pred.shape[1]} classes: give one for each.'
        )

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the loss of a batch, a scalar; arguments as in :meth:`forward`."""
        raise NotImplementedError

    def per_pixel(self, pred: Tensor, target: Tensor, ignore_index: int) -> Tensor:
        """Compute the loss of every pixel, (B, S, S), 0 where ignored."""
        raise NotImplementedError
