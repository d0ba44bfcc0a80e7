"""UniMatch: two strong views and a perturbed feature."""

from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..utils import PseudoLabel, confident_ce, cutmix, ema_guidance
from .base import SemiSegmentor


@MODELS.register_module()
class UniMatch(SemiSegmentor):
    """Unified dual-stream perturbations.

    L = (L_x + 0.25 CE(u_s1) + 0.25 CE(u_s2) + 0.5 CE(fp)) / 2: confident
    predictions for the weak view are the labels of two strong views of the
    same crop, and of the weak view itself under channel dropout of its
    features (fp).

    Paper: `Revisiting Weak-to-Strong Consistency in Semi-Supervised Semantic
    Segmentation <https://arxiv.org/abs/2208.09910>`_, equation 6.

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

    num_views = 2

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
            inputs (Streams): ``labeled``, ``unlabeled`` with two strong
                views, and ``partner``; without the last, the unlabeled images
                are mixed with each other.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup``, ``loss_strong`` and ``loss_fp``,
            which sum to L, and ``mask_ratio``, the share of confident
            pixels.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        (s1, s2), (box1, box2) = u['strong'], u['boxes']
        m_s1, m_s2 = (m or u)['strong']  # without partners, u is mixed with itself

        # (1) The partner's label, in eval mode; from a teacher, all labels.
        if self.guidance:
            own, partner = self.teacher_labels(u, m)
        elif m:
            partner = self.pseudo_label(m)

        # (2) Labeled and weak views in one batch, with the dropped copy.
        logits, logits_fp = self.logits_and_dropped(
            torch.cat([x, u['weak']]), dropped_from=len(x)
        )
        if not self.guidance:
            own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        loss_x = self.loss_sup(logits[: len(x)], y)
        loss_fp = confident_ce(logits_fp, own, self.conf_thresh)
        # Free the full-size logits; autograd keeps what backward needs.
        del logits, logits_fp
        if not m and not self.guidance:
            partner = own

        # (3) Both strong views, CutMixed like their targets.
        logits_s1, logits_s2 = self.logits(
            torch.cat([cutmix(s1, m_s1, box1), cutmix(s2, m_s2, box2)])
        ).chunk(2)
        target1, target2 = own.cutmix(partner, box1), own.cutmix(partner, box2)
        loss_s1 = confident_ce(logits_s1, target1, self.conf_thresh)
        loss_s2 = confident_ce(logits_s2, target2, self.conf_thresh)
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=(0.25 * loss_s1 + 0.25 * loss_s2) / 2,
            loss_fp=0.5 * loss_fp / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
        )
