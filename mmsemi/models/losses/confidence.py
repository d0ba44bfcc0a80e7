"""Weight the cross entropy of pseudo-labels by their confidence.

The three weightings of the released trainer of
`PrevMatch <https://arxiv.org/abs/2405.20610>`_, as pure functions of the
unreduced loss (B, S, S), the confidence (B, S, S) in [0, 1] and the mask
``valid``, bool (B, S, S), False on padding.  Each returns a scalar, which is 0
if no pixel is valid.
"""

from torch import Tensor


def pixelwise(
    loss: Tensor, conf: Tensor, valid: Tensor, thresh: float, corrected: bool = False
) -> Tensor:
    """Sum the loss over confident valid pixels; divide by all valid pixels.

    The usual masked cross entropy of pseudo-labels.

    Args:
        loss (Tensor): (B, S, S).
        conf (Tensor): (B, S, S).
        valid (Tensor): bool (B, S, S).
        thresh (float): Pixels with ``conf >= thresh`` are confident.
        corrected (bool): Has no effect: this weighting has no quirk.

    Returns:
        Tensor: Scalar; 0 if no pixel is valid.
    """
    return _mean(loss * ((conf >= thresh) & valid), valid)


def pixelratio(
    loss: Tensor, conf: Tensor, valid: Tensor, thresh: float, corrected: bool = False
) -> Tensor:
    """Weight all pixels of an image by the image's share of confident pixels.

    The share is taken among the image's valid pixels.

    Quirk of the released trainer, and the default: the loss on padding is
    summed too.

    Args:
        loss (Tensor): (B, S, S).
        conf (Tensor): (B, S, S).
        valid (Tensor): bool (B, S, S).
        thresh (float): Pixels with ``conf >= thresh`` are confident.
        corrected (bool): Leave the loss on padding out of the sum.

    Returns:
        Tensor: Scalar; 0 if no pixel is valid.
    """
    weight = _image_mean(conf >= thresh, valid)
    if corrected:
        loss = loss * valid
    return _mean(loss.sum((1, 2)) * weight, valid)


def pixelavg(
    loss: Tensor,
    conf: Tensor,
    valid: Tensor,
    thresh: float = 0,
    corrected: bool = False,
) -> Tensor:
    """Weight all pixels of an image by the image's mean confidence.

    Quirk of the released trainer, and the default: the summed loss of the
    whole batch, padding included, is multiplied by the *sum* of the images'
    mean confidences, which makes the term about B times as large.

    Args:
        loss (Tensor): (B, S, S).
        conf (Tensor): (B, S, S).
        valid (Tensor): bool (B, S, S).
        thresh (float): Has no effect: every pixel counts.
        corrected (bool): Weight each image's loss by its own mean confidence,
            and leave the loss on padding out of the sum.

    Returns:
        Tensor: Scalar; 0 if no pixel is valid.
    """
    weight = _image_mean(conf, valid)
    if corrected:
        return _mean((loss * valid).sum((1, 2)) * weight, valid)
    return _mean(loss.sum() * weight, valid)


WEIGHTINGS = dict(pixelwise=pixelwise, pixelratio=pixelratio, pixelavg=pixelavg)


def _mean(total: Tensor, valid: Tensor) -> Tensor:
    """Divide the sum of ``total`` by the number of valid pixels."""
    return total.sum() / valid.sum().clamp(min=1)


def _image_mean(value: Tensor, valid: Tensor) -> Tensor:
    """Average each image's valid pixels: (B, S, S) to (B,)."""
    return (value * valid).sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
