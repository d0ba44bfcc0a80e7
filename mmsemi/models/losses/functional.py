"""Pixel-wise losses as pure functions.

None of them synchronizes with the device: masks multiply instead of selecting,
and counts stay tensors.  All compute in float32 or wider, under autocast too.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class _PixelCrossEntropy(torch.autograd.Function):
    """``F.cross_entropy(..., reduction='none')`` with less memory.

    PyTorch's backward pass allocates two gradients as large as the logits, one
    of them almost all zeros.  This one writes ``softmax - one_hot``, times the
    gradient of each pixel, once for all labels of the same logits.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, ignore_index: int | None, *labels: Tensor
    ) -> tuple[Tensor, ...]:
        # With an explicit dtype, half precision logits are cast inside the
        # kernel; no float32 copy of them is kept.
        ctx.dtype = logits.dtype
        dtype = torch.promote_types(logits.dtype, torch.float32)
        log_prob = F.log_softmax(logits, dim=1, dtype=dtype)
        ctx.save_for_backward(log_prob, *labels)
        ctx.ignore_index = ignore_index
        if ignore_index is None:  # skip the masking in both passes
            return tuple(
                log_prob.gather(1, label[:, None])[:, 0].neg_() for label in labels
            )
        return tuple(
            F.nll_loss(log_prob, label, ignore_index=ignore_index, reduction='none')
            for label in labels
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        log_prob, *labels = ctx.saved_tensors
        if ctx.ignore_index is not None:
            ignored = [label == ctx.ignore_index for label in labels]
            labels, grads = (
                tuple(
                    t.masked_fill(where, 0)
                    for t, where in zip(tensors, ignored, strict=True)
                )
                for tensors in (labels, grads)
            )
        grad_logits = log_prob.exp().mul_(sum(grads[1:], grads[0])[:, None])
        for label, grad in zip(labels, grads, strict=True):
            grad_logits.scatter_add_(1, label[:, None], -grad[:, None])
        return grad_logits.to(ctx.dtype), None, *(None for _ in labels)


def pixel_cross_entropies(
    logits: Tensor, *labels: Tensor, ignore_index: int | None = None
) -> tuple[Tensor, ...]:
    """Compute the cross entropy of every pixel for one or several label maps.

    The log-softmax of the logits is computed once for all label maps.

    Args:
        logits (Tensor): (B, C, S, S).
        *labels (Tensor): Label maps, (B, S, S) each: classes 0..C-1 or
            ``ignore_index``.
        ignore_index (int, optional): Marks pixels without a label.  Defaults
            to None: every pixel has a label, as in pseudo-labels.

    Returns:
        tuple[Tensor, ...]: One loss map (B, S, S) per label map, 0 where
        ignored.
    """
    return _PixelCrossEntropy.apply(
        logits, ignore_index, *(label.long() for label in labels)
    )


def masked_cross_entropy(
    logits: Tensor,
    label: Tensor,
    keep: Tensor,
    valid: Tensor,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Compute the cross entropy against pseudo-labels at trusted pixels.

    The sum over the kept valid pixels is divided by the number of *all* valid
    pixels, so a batch with few confident pixels has a small loss
    (`FixMatch <https://arxiv.org/abs/2001.07685>`_, eq. 4).

    Args:
        logits (Tensor): (B, C, S, S).
        label (Tensor): Pseudo-labels in 0..C-1, (B, S, S).
        keep (Tensor): True where the label is trusted, bool (B, S, S).
        valid (Tensor): False on padding, bool (B, S, S).
        class_weight (Tensor, optional): Weight of each class, (C,): of a pixel in
            the sum, and in the number.

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is valid.
    """
    (loss,) = pixel_cross_entropies(logits, label)
    if class_weight is not None:
        return mean_over(loss * keep, valid, label, class_weight)
    return (loss * (keep & valid)).sum() / valid.sum().clamp(min=1)


def cross_entropy(
    logits: Tensor,
    mask: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Average the cross entropy over the labeled pixels.

    With class weights the mean is weighted, as in
    :class:`torch.nn.CrossEntropyLoss`: the sum of the weighted losses is
    divided by the sum of the class weights of the labeled pixels.

    Args:
        logits (Tensor): (B, C, S, S).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
        weight (Tensor, optional): Factor of each pixel's loss, (B, S, S).
        ignore_index (int): Marks pixels without a label.  Defaults to 255.
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is labeled.
    """
    (loss,) = pixel_cross_entropies(logits, mask, ignore_index=ignore_index)
    if weight is not None:
        loss = loss * weight
    return mean_over(loss, mask != ignore_index, mask, class_weight)


def mean_over(
    loss: Tensor, chosen: Tensor, mask: Tensor, class_weight: Tensor | None = None
) -> Tensor:
    """Average a loss map over chosen pixels, each with the weight of its class.

    Args:
        loss (Tensor): (B, S, S).
        chosen (Tensor): Labeled pixels that count, bool (B, S, S).
        mask (Tensor): Classes 0..C-1 where ``chosen``, (B, S, S).
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no weight is left.
    """
    if class_weight is None:
        return (loss * chosen).sum() / chosen.sum().clamp(min=1)
    weights = class_weights_of(mask, chosen, class_weight).to(loss.dtype)
    total = weights.sum()
    return (loss * weights).sum() / torch.where(total > 0, total, 1)


def class_weights_of(mask: Tensor, chosen: Tensor, class_weight: Tensor) -> Tensor:
    """Return the weight of every pixel's class, 0 where it is not chosen."""
    return class_weight[mask.long().masked_fill(~chosen, 0)] * chosen


def focal_loss(
    logits: Tensor,
    mask: Tensor,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Average the focal loss over the labeled pixels.

    The loss of a pixel is ``(1 - p) ** gamma * -log(p)``, where p is the
    softmax probability of its class: the form for several classes of
    `Focal Loss for Dense Object Detection
    <https://arxiv.org/abs/1708.02002>`_, equation 5.  The class weights are
    its alpha.  The mean is that of :func:`cross_entropy`, which this is with
    ``gamma=0``.

    Args:
        logits (Tensor): (B, C, S, S).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
        gamma (float): How much the loss of confident pixels shrinks, 0 or
            more.  Defaults to 2.0.
        weight (Tensor, optional): Factor of each pixel's loss, (B, S, S).
        ignore_index (int): Marks pixels without a label.  Defaults to 255.
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is labeled.
    """
    loss = pixel_focal_losses(logits, mask, gamma, ignore_index)
    if weight is not None:
        loss = loss * weight
    return mean_over(loss, mask != ignore_index, mask, class_weight)


def pixel_focal_losses(
    logits: Tensor, mask: Tensor, gamma: float, ignore_index: int = 255
) -> Tensor:
    """Compute the focal loss of every pixel, (B, S, S), see :func:`focal_loss`."""
    (loss,) = pixel_cross_entropies(logits, mask, ignore_index=ignore_index)
    # The derivative of a power below 1 is infinite at 0: cut it off there.
    missing = (-torch.expm1(-loss)).clamp(min=torch.finfo(loss.dtype).tiny)
    return missing**gamma * loss


def ohem_cross_entropy(
    logits: Tensor,
    mask: Tensor,
    thresh: float = 0.7,
    min_kept: int = 200000,
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Average the cross entropy over the hard pixels of the batch.

    A pixel is hard if the probability of its true class is at most
    ``max(thresh, p)``, where p is the ``min_kept``-th smallest such
    probability in this process's batch.  With fewer than ``min_kept`` labeled
    pixels, all of them are hard
    (`Online Hard Example Mining <https://arxiv.org/abs/1604.03540>`_).

    Class weights do not change which pixels are hard; the mean over these is
    then weighted as in :func:`cross_entropy`.

    Args:
        logits (Tensor): (B, C, S, S).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
        thresh (float): Probability up to which a pixel is hard, in (0, 1].
            Defaults to 0.7.
        min_kept (int): Minimum number of pixels kept, 1 or more.  Defaults to
            200000.
        ignore_index (int): Marks pixels without a label.  Defaults to 255.
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is labeled.

    Raises:
        ValueError: If ``thresh`` or ``min_kept`` is out of range.
    """
    if not 0 < thresh <= 1:
        raise ValueError(f'thresh is a probability in (0, 1], got thresh={thresh}')
    if min_kept < 1:
        raise ValueError(f'min_kept must be 1 or more, got {min_kept}')
    (loss,) = pixel_cross_entropies(logits, mask, ignore_index=ignore_index)
    # The loss is -log(probability), so the k-th smallest probability is the
    # k-th largest loss.  Ignored pixels have the smallest possible loss, 0: if
    # fewer than min_kept pixels are labeled, the bound is 0 and all are kept.
    flat = loss.detach().flatten()
    hardest = flat.topk(min(min_kept, flat.numel()), sorted=False).values
    bound = hardest.min().clamp(max=-math.log(thresh))
    hard = (loss.detach() >= bound) & (mask != ignore_index)
    return mean_over(loss, hard, mask, class_weight)
