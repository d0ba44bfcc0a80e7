"""Consistency of whole distributions, as pure functions."""
import torch
import torch.nn.functional as F
from torch import Tensor


def masked_kl(logits: Tensor, target: Tensor, keep: Tensor,
              valid: Tensor) -> Tensor:
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
    dtype = torch.promote_types(logits.dtype, torch.float32)
    divergence = F.kl_div(
        F.log_softmax(logits, dim=1, dtype=dtype),
        F.log_softmax(target.detach(), dim=1, dtype=dtype),
        reduction='none',
        log_target=True).sum(1)
    return (divergence * (keep & valid)).sum() / valid.sum().clamp(min=1)
