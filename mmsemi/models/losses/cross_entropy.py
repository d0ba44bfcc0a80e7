"""Pixel-wise losses as modules, for ``loss_decode`` of any mmseg head."""

from typing import Any

from torch import Tensor, nn

from mmsemi.registry import MODELS

from .functional import cross_entropy, ohem_cross_entropy, pixel_cross_entropies


@MODELS.register_module()
class PixelCrossEntropyLoss(nn.Module):
    """Average the cross entropy over the *labeled* pixels.

    By default mmseg's ``CrossEntropyLoss`` divides by all pixels, ignored
    ones included.

    Args:
        loss_weight (float): Factor of the loss.  Defaults to 1.0.
        loss_name (str): Name in the log.  It must begin with ``loss_``, or the
            term is logged but not trained on.  Defaults to 'loss_ce'.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_ce') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

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
            ValueError: Another reduction is requested.
        """
        if reduction_override == 'none':
            (loss,) = pixel_cross_entropies(pred, target, ignore_index=ignore_index)
            return self.loss_weight * (loss if weight is None else loss * weight)
        if reduction_override not in (None, 'mean'):
            raise ValueError(
                f'{type(self).__name__} has no reduction {reduction_override!r}: '
                "use 'mean' or 'none'."
            )
        return self.loss_weight * cross_entropy(pred, target, weight, ignore_index)


@MODELS.register_module()
class PixelOHEMLoss(nn.Module):
    """Average the cross entropy over the hard pixels of the batch.

    The loss of the published methods on Cityscapes, see
    :func:`mmsemi.models.losses.ohem_cross_entropy`.

    Args:
        thresh (float): A pixel is hard if the probability of its true class is
            at most this, in (0, 1].  Defaults to 0.7.
        min_kept (int): Minimum number of pixels kept per batch.  Defaults to
            200000.
        loss_weight (float): Factor of the loss.  Defaults to 1.0.
        loss_name (str): Name in the log.  It must begin with ``loss_``, or the
            term is logged but not trained on.  Defaults to 'loss_ohem'.
    """

    def __init__(
        self,
        thresh: float = 0.7,
        min_kept: int = 200000,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ohem',
    ) -> None:
        super().__init__()
        self.thresh = thresh
        self.min_kept = min_kept
        self.loss_weight = loss_weight
        self.loss_name = loss_name

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
            weight (None): Pixel weights are refused.
            ignore_index (int): Marks pixels without a label.  Defaults to
                255.
            reduction_override (None): Other reductions are refused.
            **kwargs: Accepted because mmseg's heads pass them; not used.

        Returns:
            Tensor: Scalar; 0 if no pixel is labeled.

        Raises:
            ValueError: The head has a pixel sampler, which passes weights or
                requests the loss of every pixel.
        """
        if weight is not None or reduction_override is not None:
            raise ValueError(
                f'{type(self).__name__} selects the pixels itself: remove '
                '`sampler` from the decode head'
            )
        return self.loss_weight * ohem_cross_entropy(
            pred, target, self.thresh, self.min_kept, ignore_index
        )
