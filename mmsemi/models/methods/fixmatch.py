"""FixMatch for semantic segmentation."""

import torch
from torch import Tensor

from mmsemi.registry import MODELS

from ..utils import PseudoLabel, cutmix, masked_ce
from .base import SemiSegmentor, Streams, flipped


@MODELS.register_module()
class FixMatch(SemiSegmentor):
    """Weak-to-strong consistency with confident pseudo-labels.

    L = (L_x + CE(u_s)) / 2: the prediction for the weak view, where it is
    confident, teaches the strong, CutMixed view of the same crop.

    Paper: `FixMatch: Simplifying Semi-Supervised Learning with Consistency
    and Confidence <https://arxiv.org/abs/2001.07685>`_, for segmentation as
    the baseline of `UniMatch <https://arxiv.org/abs/2208.09910>`_.

    Args:
        conf_thresh (float): Pixels whose largest probability is below it
            teach nothing, in [0, 1].  Defaults to 0.95.
        **kwargs: As in :class:`SemiSegmentor`.
    """

    def __init__(self, *args, conf_thresh: float = 0.95, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh = conf_thresh

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (dict): The streams ``labeled`` (``weak`` (B, 3, S, S),
                ``mask`` (B, S, S)), ``unlabeled`` and, unless the batch is
                its own, ``partner`` (``weak``, ``strong1`` (B, 3, S, S),
                ``valid`` (B, S, S)), whose images ``box1`` of ``unlabeled``,
                a list of :class:`Paste`, takes boxes from.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_strong``, which sum to
            L, and ``mask_ratio``, the share of confident pixels.
        """
        x, y = inputs['labeled']['weak'], inputs['labeled']['mask']
        u = inputs['unlabeled']
        m = inputs.get('partner')
        box = u['box1']

        # (1) The partner's label, in eval mode.
        partner = self.pseudo_label(m) if m else None

        # (2) Labeled and weak views in one batch.
        logits = self.logits(torch.cat([x, u['weak']]))
        own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        loss_x = self.loss_sup(logits[: len(x)], y)
        del logits  # full size: what the way back needs is kept
        if m is None:
            m, partner = flipped(u), own.flip()

        # (3) The strong views, CutMixed as their targets are.
        logits_s = self.logits(cutmix(u['strong1'], m['strong1'], box))
        target = own.cutmix(partner, box)
        loss_s = masked_ce(logits_s, target, self.conf_thresh)
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=loss_s / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
        )
