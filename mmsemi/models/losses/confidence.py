"""How the confidence of pseudo-labels weighs their cross entropy.

The forms that `PrevMatch <https://arxiv.org/abs/2405.20610>`_ is released
with.  All are pure functions of a loss map ``loss`` (B, S, S), a confidence
map ``conf`` (B, S, S) in [0, 1] and a mask ``valid`` (B, S, S), bool, False
on padding; all return a scalar, 0 where nothing is valid.
"""

from torch import Tensor


def pixelwise(
    loss: Tensor, conf: Tensor, valid: Tensor, thresh: float, corrected: bool = False
) -> Tensor:
    """Sum over the confident valid pixels, by the number of valid ones.

    The common masked cross entropy; there is nothing to correct.

    Args:
        loss (Tensor): (B, S, S).
        conf (Tensor): (B, S, S).
        valid (Tensor): bool (B, S, S).
        thresh (float): Pixels with ``conf >= thresh`` are confident.
    """
    return _mean(loss * ((conf >= thresh) & valid), valid)


def pixelratio(
    loss: Tensor, conf: Tensor, valid: Tensor, thresh: float, corrected: bool = False
) -> Tensor:
    """Every pixel of an image weighs as much as the image is confident.

    The weight is the share of confident pixels among the image's valid ones.

    Quirk: as released, the loss of padding is summed as well.

    Args:
        loss (Tensor): (B, S, S).
        conf (Tensor): (B, S, S).
        valid (Tensor): bool (B, S, S).
        thresh (float): Pixels with ``conf >= thresh`` are confident.
        corrected (bool): Leave the padding out.
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
    """Every pixel of an image weighs the image's mean confidence.

    Quirk: as released, the loss of the whole batch, padding included, is
    multiplied by the *sum* of the images' mean confidences, which makes the
    term about B times as large.

    Args:
        loss (Tensor): (B, S, S).
        conf (Tensor): (B, S, S).
        valid (Tensor): bool (B, S, S).
        thresh (float): Not looked at: no pixel is left out.
        corrected (bool): Weigh every image by its own mean confidence, and
            leave the padding out.
    """
    weight = _image_mean(conf, valid)
    if corrected:
        return _mean((loss * valid).sum((1, 2)) * weight, valid)
    return _mean(loss.sum() * weight, valid)


WEIGHTINGS = dict(pixelwise=pixelwise, pixelratio=pixelratio, pixelavg=pixelavg)


def _mean(total: Tensor, valid: Tensor) -> Tensor:
    return total.sum() / valid.sum().clamp(min=1)


def _image_mean(value: Tensor, valid: Tensor) -> Tensor:
    """Mean of every image's valid pixels, (B,)."""
    return (value * valid).sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
