"""Consistency of whole distributions, as pure functions."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class _PixelKL(torch.autograd.Function):
    """``F.kl_div`` of two log-softmaxes, summed over classes.

    PyTorch's keeps both for the way back; this one keeps their difference as
    probabilities, which is the gradient.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, target: Tensor) -> Tensor:
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
    def backward(ctx, grad: Tensor) -> tuple:
        (difference,) = ctx.saved_tensors
        return (difference * grad[:, None]).to(ctx.dtype), None


def masked_kl(logits: Tensor, target: Tensor, keep: Tensor, valid: Tensor) -> Tensor:
    """KL divergence of a prediction from a softer target, pixel by pixel.

    ``KL(softmax(target) || softmax(logits))``, summed over classes and over
    the pixels that are kept and valid, divided by the number of *all* valid
    ones, as :func:`masked_cross_entropy` is.

    Args:
        logits (Tensor): (B, C, S, S).
        target (Tensor): Logits too, (B, C, S, S); no gradient flows into
            them.
        keep (Tensor): True where the target is trusted, bool (B, S, S).
        valid (Tensor): False in the padding, bool (B, S, S).

    Returns:
        Tensor: Scalar; 0 with a gradient of zero when nothing is valid.
    """
    divergence = _PixelKL.apply(logits, target.detach())
    return (divergence * (keep & valid)).sum() / valid.sum().clamp(min=1)
