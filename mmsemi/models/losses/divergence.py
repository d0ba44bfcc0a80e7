"""Divergence between the class distributions of two predictions."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class _PixelKL(torch.autograd.Function):
    """``F.kl_div`` of two log-softmaxes, summed over classes.

    PyTorch's keeps both for the backward pass.  This one keeps the difference
    of the probabilities, which is the gradient.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor) -> Tensor:
        ctx.dtype = logits.dtype
        dtype = torch.promote_types(logits.dtype, torch.float32)
        log_prob = F.log_softmax(logits, dim=1, dtype=dtype)
        log_target = F.log_softmax(target, dim=1, dtype=dtype)
        target = log_target.exp()
        divergence = log_target.sub_(log_prob).mul_(target).sum(1)
        ctx.save_for_backward(log_prob.exp_().sub_(target))
        return divergence

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return (difference * grad[:, None]).to(ctx.dtype), None


class _SquaredDistance(torch.autograd.Function):
    """Squared distance of a softmax and probabilities, summed over classes.

    PyTorch keeps two maps as large as the logits for the backward pass.  This
    one keeps the gradient.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor) -> Tensor:
        ctx.dtype = logits.dtype
        dtype = torch.promote_types(logits.dtype, torch.float32)
        prob = logits.softmax(1, dtype)
        difference = prob - target
        distance = difference.square().sum(1)
        # d(distance) / d(logits) = 2 p (p - q - sum(p (p - q)))
        grad = difference.mul_(prob)
        ctx.save_for_backward(grad.sub_(prob.mul_(grad.sum(1, keepdim=True))).mul_(2))
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (per_pixel,) = ctx.saved_tensors
        return (per_pixel * grad[:, None]).to(ctx.dtype), None


def masked_kl(logits: Tensor, target: Tensor, keep: Tensor, valid: Tensor) -> Tensor:
    """Compute the KL divergence between prediction and target at trusted pixels.

    ``KL(softmax(target) || softmax(logits))`` is summed over the classes and
    over the kept valid pixels, and divided by the number of *all* valid
    pixels, as in :func:`masked_cross_entropy`.

    Args:
        logits (Tensor): (B, C, S, S).
        target (Tensor): Logits of the target, (B, C, S, S).  No gradient
            flows into them.
        keep (Tensor): True where the target is trusted, bool (B, S, S).
        valid (Tensor): False on padding, bool (B, S, S).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is valid.
    """
    divergence = _PixelKL.apply(logits, target.detach())
    return (divergence * (keep & valid)).sum() / valid.sum().clamp(min=1)


def squared_distance(logits: Tensor, target: Tensor) -> Tensor:
    """Compute the squared distance of probabilities at every pixel.

    Args:
        logits (Tensor): (B, C, H, W).
        target (Tensor): Probabilities, (B, C, H, W).  No gradient flows into
            them.

    Returns:
        Tensor: Sums over the classes, (B, H, W), in [0, 2].
    """
    return _SquaredDistance.apply(logits, target.detach())
