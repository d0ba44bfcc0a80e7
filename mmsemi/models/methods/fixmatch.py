"""FixMatch for semantic segmentation."""

from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..utils import PseudoLabel, confident_ce, cutmix, ema_guidance
from .base import SemiSegmentor


@MODELS.register_module()
class FixMatch(SemiSegmentor):
    """Weak-to-strong consistency with confident pseudo-labels.

    L = (L_x + CE(u_s)) / 2: confident predictions for the weak view are the
    labels of the strong, CutMixed view of the same crop.

    Paper: `FixMatch: Simplifying Semi-Supervised Learning with Consistency
    and Confidence <https://arxiv.org/abs/2001.07685>`_, for segmentation as
    the baseline of `UniMatch <https://arxiv.org/abs/2208.09910>`_; with
    ``guidance='ema'`` the baseline of `UniMatch V2
    <https://arxiv.org/abs/2410.10777>`_, where labeled and strong views share
    a batch.

    Args:
        conf_thresh (float): Least confidence of a pseudo-label that is
            trained on, in [0, 1].  Defaults to 0.95.
        guidance (str, optional): 'ema' for pseudo-labels of the teacher of
            :class:`mmsemi.engine.EMATeacherHook`.  Defaults to None: the network
            itself predicts them.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: An unknown ``guidance``.
    """

    num_views = 1

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.95,
        guidance: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh = conf_thresh
        self.guidance = ema_guidance(guidance)

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): ``labeled``, ``unlabeled`` with one strong view,
                and ``partner``; without the last, the unlabeled images are
                mixed with each other.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_strong``, which sum to
            L, and ``mask_ratio``, the share of confident pixels.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        s, box = u['strong'][0], u['boxes'][0]
        m_s = (m or u)['strong'][0]  # without partners, u is mixed with itself

        s = cutmix(s, m_s, box)
        if self.guidance:
            # (1) The teacher's labels.
            own, partner = self.teacher_labels(u, m)

            # (2) Labeled and strong views in one batch.
            logits = self.logits(torch.cat([x, s]))
            loss_x = self.loss_sup(logits[: len(x)], y)
            logits_s = logits[len(x) :]
        else:
            # (1) The partner's label, in eval mode.
            if m:
                partner = self.pseudo_label(m)

            # (2) Labeled and weak views in one batch.
            logits = self.logits(torch.cat([x, u['weak']]))
            own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
            loss_x = self.loss_sup(logits[: len(x)], y)
            del logits  # free the full-size logits; autograd keeps what it needs
            if not m:
                partner = own

            # (3) The strong views.
            logits_s = self.logits(s)

        # Their targets are CutMixed as they are.
        target = own.cutmix(partner, box)
        loss_s = confident_ce(logits_s, target, self.conf_thresh)
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=loss_s / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
        )
