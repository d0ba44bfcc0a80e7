"""Losses of whole classes as modules, for ``loss_decode`` of any mmseg head."""

from typing import Any

from torch import Tensor

from mmsemi.registry import MODELS

from .overlap import dice_loss, lovasz_softmax, tversky_loss
from .pixel_loss import PixelLoss


class _RegionLoss(PixelLoss):
    """A loss from the overlap of whole classes.

    Args:
        classes (str): Classes that count: 'present' in the masks of the
            batch, or 'all'.  Defaults to 'present'.
        **kwargs: As in :class:`PixelLoss`.

    Raises:
        ValueError: ``classes`` is neither.
    """

    def __init__(self, classes: str = 'present', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if classes not in ('present', 'all'):
            raise ValueError(f"classes must be 'present' or 'all', got {classes!r}.")
        self.classes = classes


@MODELS.register_module()
class PixelDiceLoss(_RegionLoss):
    """Average the soft Dice loss over the classes.

    See :func:`mmsemi.models.losses.dice_loss`.

    Args:
        smooth (float): Added to both sides of the fraction; above 0.
            Defaults to 1.0.
        classes (str): Classes that count: 'present' in the masks of the
            batch, or 'all'.  Defaults to 'present'.
        **kwargs: As in :class:`PixelLoss`.

    Raises:
        ValueError: An argument is out of range.
    """

    default_name = 'loss_dice'

    def __init__(self, smooth: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not smooth > 0:
            raise ValueError(f'smooth must be above 0, got {smooth}.')
        self.smooth = smooth

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the mean over the classes."""
        return dice_loss(
            pred, target, self.smooth, self.classes, ignore_index, self.class_weight
        )


@MODELS.register_module()
class PixelTverskyLoss(_RegionLoss):
    """Average the Tversky loss over the classes.

    See :func:`mmsemi.models.losses.tversky_loss`.

    Args:
        alpha (float): Weight of false positives, 0 or more.  Defaults to 0.3.
        beta (float): Weight of false negatives, 0 or more.  Defaults to 0.7.
        smooth (float): Added to both sides of the fraction; above 0.
            Defaults to 1.0.
        classes (str): Classes that count: 'present' in the masks of the
            batch, or 'all'.  Defaults to 'present'.
        **kwargs: As in :class:`PixelLoss`.

    Raises:
        ValueError: An argument is out of range.
    """

    default_name = 'loss_tversky'

    def __init__(
        self, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not (alpha >= 0 and beta >= 0 and smooth > 0):
            raise ValueError(
                'alpha and beta must be 0 or more and smooth above 0, got '
                f'alpha={alpha}, beta={beta}, smooth={smooth}.'
            )
        self.alpha = alpha
        self.beta = beta
        self.smooth = smooth

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the mean over the classes."""
        return tversky_loss(
            pred,
            target,
            self.alpha,
            self.beta,
            self.smooth,
            self.classes,
            ignore_index,
            self.class_weight,
        )


@MODELS.register_module()
class PixelLovaszLoss(_RegionLoss):
    """Average the Lovász-Softmax loss over the classes.

    See :func:`mmsemi.models.losses.lovasz_softmax`.

    Args:
        classes (str): Classes that count: 'present' in the masks of the
            batch, or 'all'.  Defaults to 'present'.
        **kwargs: As in :class:`PixelLoss`.

    Raises:
        ValueError: ``classes`` is neither.
    """

    default_name = 'loss_lovasz'

    def compute(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Compute the mean over the classes."""
        return lovasz_softmax(
            pred, target, self.classes, ignore_index, self.class_weight
        )
