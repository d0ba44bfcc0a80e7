"""Criteria of a decode head, mmseg's included, on logits and masks.

Two of mmseg's losses fail inside onedl-mmsegmentation 1.4.2 as its heads call
them; called as here, they compute what their documentation says.
"""

from inspect import signature

import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss, FocalLoss
from torch import Tensor, nn

from .functional import class_weights_of


def check_criteria(criteria: nn.Module, num_classes: int) -> None:
    """Check that every criterion of a decode head can be computed.

    Args:
        criteria (nn.Module): ``loss_decode`` of the head.
        num_classes (int): Number of classes of the head.

    Raises:
        ValueError: The number of a criterion's class weights is not the number
            of classes, or it cannot be called as decode heads call it; the
            message names its config key.
    """
    several = isinstance(criteria, nn.ModuleList)
    for i, criterion in enumerate(criteria_of(criteria)):
        key = f'model.decode_head.loss_decode{f".{i}" if several else ""}'
        weights = getattr(criterion, 'class_weight', None)
        if weights is not None and len(weights) != num_classes:
            raise ValueError(
                f'{key}.class_weight has {len(weights)} weights for {num_classes} '
                'classes: give one for each, class 0 first.'
            )
        try:
            signature(criterion.forward).bind(0, 0, weight=None, ignore_index=255)
        except TypeError as error:
            raise ValueError(
                f'{key}: {type(criterion).__name__} cannot be called as decode heads '
                f'call their losses ({error}). docs/openmmlab.md lists losses that can.'
            ) from error


def criteria_of(criteria: nn.Module) -> list[nn.Module]:
    """Return the criteria of ``loss_decode``, which is one or a ``ModuleList``."""
    return [*criteria] if isinstance(criteria, nn.ModuleList) else [criteria]


def apply_criterion(
    criterion: nn.Module,
    logits: Tensor,
    mask: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = 255,
) -> Tensor:
    """Compute a criterion of ``loss_decode`` as mmseg's heads do.

    Args:
        criterion (nn.Module): A loss of mmsemi or mmseg.
        logits (Tensor): (B, C, H, W).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, int64 (B, H, W).
        weight (Tensor, optional): Factor of each pixel's loss, (B, H, W).
        ignore_index (int): Marks pixels without a label.  Defaults to 255.

    Returns:
        Tensor: Scalar.
    """
    kwargs: dict[str, Tensor] = {}
    if isinstance(criterion, FocalLoss):
        # On a CPU, its own one-hot masks lose all classes but one.  It uses
        # one-hot masks of the caller unchanged.
        labeled = mask != ignore_index
        one_hot = F.one_hot(mask.masked_fill(~labeled, 0), logits.shape[1])
        mask = one_hot.movedim(-1, 1) * labeled[:, None]
        weight = (labeled if weight is None else labeled * weight).flatten()
        ignore_index = -1
    elif (
        isinstance(criterion, CrossEntropyLoss)
        and criterion.class_weight is not None
        and criterion.avg_non_ignore
        and criterion.reduction == 'mean'
    ):
        # For its average it indexes the labeled pixels' weights with a map of all
        # pixels, which fails; a given ``avg_factor`` avoids that.
        weights = logits.new_tensor(criterion.class_weight)
        weights = class_weights_of(mask, mask != ignore_index, weights)
        kwargs['avg_factor'] = weights.sum()
    return criterion(logits, mask, weight=weight, ignore_index=ignore_index, **kwargs)
