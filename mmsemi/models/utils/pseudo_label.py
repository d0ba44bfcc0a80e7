"""Pseudo-labels: targets for strong views, predicted from the weak view."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from mmsemi.structures import Paste

from ..losses.functional import masked_cross_entropy
from .mixing import cutmix


class PseudoLabel(NamedTuple):
    """Per-pixel targets of unlabeled images.

    Attributes:
        conf (Tensor): Largest softmax probability, (B, H, W), in [1/C, 1].
        label (Tensor): Its class, (B, H, W), int64.
        valid (Tensor): False on padding, (B, H, W), bool.
    """

    conf: Tensor
    label: Tensor
    valid: Tensor

    @classmethod
    def from_logits(cls, logits: Tensor, valid: Tensor) -> 'PseudoLabel':
        """Build pseudo-labels from logits and a validity mask.

        Args:
            logits (Tensor): (B, C, H, W); no gradient flows into them.
            valid (Tensor): False on padding, bool (B, H, W).

        Returns:
            PseudoLabel: (B, H, W) each.
        """
        conf, label = logits.detach().softmax(1).max(1)
        return cls(conf, label, valid)

    def cutmix(self, partner: 'PseudoLabel', pastes: Sequence[Paste]) -> 'PseudoLabel':
        """Take the partner's targets inside the boxes.

        Args:
            partner (PseudoLabel): Targets of the M partners, (M, H, W) each.
            pastes (Sequence[Paste]): The boxes, with indices into both.

        Returns:
            PseudoLabel: (B, H, W) each.
        """
        return PseudoLabel(
            *(
                cutmix(own, other, pastes)
                for own, other in zip(self, partner, strict=True)
            )
        )

    def confident_share(self, thresh: float | Tensor) -> Tensor:
        """Compute the share of valid pixels with ``conf >= thresh``, a scalar."""
        valid = self.valid.sum()
        return ((self.conf >= thresh) & self.valid).sum() / valid.clamp(min=1)


def confident_ce(
    logits: Tensor,
    target: PseudoLabel,
    thresh: float | Tensor,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Compute the cross entropy with the confident pixels of a pseudo-label.

    The sum over valid pixels with ``conf >= thresh`` is divided by the number
    of *all* valid pixels (FixMatch, eq. 4).

    Args:
        logits (Tensor): (B, C, H, W).
        target (PseudoLabel): (B, H, W) each.
        thresh (float | Tensor): In [0, 1], a scalar.
        class_weight (Tensor, optional): Weight of each class, (C,), in the sum
            and in the number of pixels.

    Returns:
        Tensor: Scalar; 0 if no pixel is valid.
    """
    return masked_cross_entropy(
        logits, target.label, target.conf >= thresh, target.valid, class_weight
    )
