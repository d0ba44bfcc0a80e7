"""The pixel-wise losses as ``loss_decode`` of any mmseg head."""

from torch import Tensor, nn

from mmsemi.registry import MODELS

from .functional import cross_entropy, ohem_cross_entropy


@MODELS.register_module()
class PixelCrossEntropyLoss(nn.Module):
    """Cross entropy, mean over the *labeled* pixels.

    mmseg's ``CrossEntropyLoss`` divides by all pixels, ignored ones
    included, unless told otherwise.

    Args:
        loss_weight (float): Factor of the loss.  Defaults to 1.0.
        loss_name (str): Name in the log; only names that begin with
            ``loss_`` are trained on.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_ce'):
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        **kwargs,
    ) -> Tensor:
        """Scalar loss of logits (B, C, S, S) and mask (B, S, S).

        ``weight`` (B, S, S) is what a pixel sampler of the head gives.
        """
        return self.loss_weight * cross_entropy(pred, target, weight, ignore_index)


@MODELS.register_module()
class PixelOHEMLoss(nn.Module):
    """Cross entropy, mean over the hard pixels of the batch.

    The Cityscapes loss of the published methods, see
    :func:`mmsemi.models.losses.ohem_cross_entropy`.

    Args:
        thresh (float): Probability of the true class up to which a pixel is
            hard, in (0, 1].  Defaults to 0.7.
        min_kept (int): Pixels of a batch to keep at least.  Defaults to
            200000.
        loss_weight (float): Factor of the loss.  Defaults to 1.0.
        loss_name (str): Name in the log; only names that begin with
            ``loss_`` are trained on.
    """

    def __init__(
        self,
        thresh: float = 0.7,
        min_kept: int = 200000,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ohem',
    ):
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
        **kwargs,
    ) -> Tensor:
        """Scalar loss of logits (B, C, S, S) and mask (B, S, S).

        Raises:
            ValueError: If the head has a pixel sampler of its own.
        """
        if weight is not None:
            raise ValueError(
                f'{type(self).__name__} selects the pixels itself: remove '
                '`sampler` from the decode head'
            )
        return self.loss_weight * ohem_cross_entropy(
            pred, target, self.thresh, self.min_kept, ignore_index
        )
