"""Cross entropy and focal loss as modules, for ``loss_decode`` of any mmseg head."""

from typing import Any

from torch import Tensor

from mmsemi.registry import MODELS

from .functional import (
    class_weights_of,
    cross_entropy,
    focal_loss,
    ohem_cross_entropy,
    pixel_cross_entropies,
    pixel_focal_losses,
)
from .pixel_loss import PixelLoss


@MODELS.register_module()
class PixelCrossEntropyLoss(PixelLoss):
    """Average the cross entropy over the *labeled* pixels.

    By default mmseg's ``CrossEntropyLoss`` divides by all pixels, ignored
    ones included.  See :func:`mmsemi.models.losses.cross_entropy`; takes the
    arguments of :class:`PixelLoss`.
    """

    default_name = 'loss_ce'

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the mean over the labeled pixels."""
        return cross_entropy(pred, target, weight, ignore_index, self.class_weight)

    def per_pixel(self, pred: Tensor, target: Tensor, ignore_index: int) -> Tensor:
        """Compute the loss of every pixel, times the weight of its class."""
        (loss,) = pixel_cross_entropies(pred, target, ignore_index=ignore_index)
        return self._weighted(loss, target, ignore_index)

    def _weighted(self, loss: Tensor, target: Tensor, ignore_index: int) -> Tensor:
        if self.class_weight is None:
            return loss
        labeled = target != ignore_index
        return loss * class_weights_of(target, labeled, self.class_weight)


@MODELS.register_module()
class PixelFocalLoss(PixelCrossEntropyLoss):
    """Average the focal loss over the labeled pixels.

    See :func:`mmsemi.models.losses.focal_loss`.  mmseg's ``FocalLoss`` is
    another form: a sigmoid for each class.

    Args:
        gamma (float): How much the loss of confident pixels shrinks, 0 or
            more.  Defaults to 2.0.
        **kwargs: As in :class:`PixelLoss`.

    Raises:
        ValueError: ``gamma`` is below 0.
    """

    default_name = 'loss_focal'

    def __init__(self, gamma: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not gamma >= 0:
            raise ValueError(f'gamma must be 0 or more, got {gamma}.')
        self.gamma = gamma

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the mean over the labeled pixels."""
        return focal_loss(
            pred, target, self.gamma, weight, ignore_index, self.class_weight
        )

    def per_pixel(self, pred: Tensor, target: Tensor, ignore_index: int) -> Tensor:
        """Compute the loss of every pixel, times the weight of its class."""
        loss = pixel_focal_losses(pred, target, self.gamma, ignore_index)
        return self._weighted(loss, target, ignore_index)


@MODELS.register_module()
class PixelOHEMLoss(PixelLoss):
    """Average the cross entropy over the hard pixels of the batch.

    The loss of the published methods on Cityscapes, see
    :func:`mmsemi.models.losses.ohem_cross_entropy`.  It selects the pixels
    itself, so the head must have no ``sampler``.

    Args:
        thresh (float): A pixel is hard if the probability of its true class is
            at most this, in (0, 1].  Defaults to 0.7.
        min_kept (int): Minimum number of pixels kept per batch.  Defaults to
            200000.
        **kwargs: As in :class:`PixelLoss`.
    """

    default_name = 'loss_ohem'

    def __init__(
        self, thresh: float = 0.7, min_kept: int = 200000, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.thresh = thresh
        self.min_kept = min_kept

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the mean over the hard pixels."""
        return ohem_cross_entropy(
            pred, target, self.thresh, self.min_kept, ignore_index, self.class_weight
        )
