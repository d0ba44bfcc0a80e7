"""RankMatch: UniMatch with consistent correlations between pixels."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..utils import (
    PseudoLabel,
    Symptom,
    confident_ce,
    cutmix,
    cutmix_features,
    ema_guidance,
)
from .base import SemiSegmentor


@MODELS.register_module()
class RankMatch(SemiSegmentor):
    """Inter-pixel correlation consistency.

    L = L_UniMatch + 0.1 (L_c1 + L_c2) / 2: besides UniMatch's terms, L_c
    trains every pixel of a strong view to rank a set of landmark pixels as in
    the weak view (see :class:`mmsemi.models.RankCorrelationLoss`).

    Quirk: as released, the correlations are plain dot products.  At ordinary
    feature scales their softmax saturates, and L_c and its gradient are
    exactly 0.  The log shows it: ``rank_top_mass``, the probability that the
    ranked landmarks have together, is then 1.
    ``loss_rank=dict(similarity='cosine')`` is the corrected form.

    Paper: `RankMatch: Exploring the Better Consistency Regularization for
    Semi-supervised Semantic Segmentation
    <https://openaccess.thecvf.com/content/CVPR2024/html/
    Mai_RankMatch_Exploring_the_Better_Consistency_Regularization_for_
    Semi-supervised_Semantic_Segmentation_CVPR_2024_paper.html>`_.

    Args:
        conf_thresh (float): Least confidence of a pseudo-label that is
            trained on, in [0, 1].  Defaults to 0.95.
        loss_rank (dict): Config of the correlation term, without its weight.
        rank_weight (float): Weight of the correlation term.  Defaults to 0.1.
        rank_layer (str): Name of the layer whose output is correlated.
            Defaults to 'decode_head.project', the ASPP output of
            :class:`DeepLabV3PlusHead`; set it for other heads.
        guidance (str, optional): 'ema' for pseudo-labels and correlations of
            the weak views from the teacher of
            :class:`mmsemi.engine.EMATeacherHook`.  Defaults to None: they are
            the network's own.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: An unknown ``guidance``.
    """

    num_views = 2
    symptoms = (
        *SemiSegmentor.symptoms,
        Symptom(
            'loss_rank',
            0,
            'loss_rank is exactly 0 and has no effect: set '
            "model.loss_rank=dict(similarity='cosine').",
        ),
    )

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.95,
        loss_rank: Mapping[str, Any] = dict(type='RankCorrelationLoss'),
        rank_weight: float = 0.1,
        rank_layer: str = 'decode_head.project',
        guidance: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh = conf_thresh
        self.loss_rank = MODELS.build({'type': 'RankCorrelationLoss', **loss_rank})
        self.rank_weight = rank_weight
        self.rank_layer = rank_layer
        self.guidance = ema_guidance(guidance)

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`UniMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup``, ``loss_strong``, ``loss_fp`` and
            ``loss_rank``, which sum to L, ``mask_ratio``, the share of
            confident pixels, and ``rank_top_mass``.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        (s1, s2), (box1, box2) = u['strong'], u['boxes']
        m_s1, m_s2 = (m or u)['strong']  # without partners, u is mixed with itself
        size = u['weak'].shape[2:]

        # (1) The partner's label and features, in eval mode; from a teacher,
        # those of all weak views.
        if self.guidance:
            with self.guidance.teacher.capture(self.rank_layer) as feats:
                own, partner = self.teacher_labels(u, m)
            feat_w = feats[0][: len(u['weak'])]
            feat_m = feats[0][len(feat_w) :] if m else feat_w
        elif m:
            with self.capture(self.rank_layer) as feats:
                partner = self.pseudo_label(m)
            (feat_m,) = feats

        # (2) Labeled and weak views in one batch, with the dropped copy.
        with self.capture(self.rank_layer) as feats:
            logits, logits_fp = self.logits_and_dropped(
                torch.cat([x, u['weak']]), dropped_from=len(x)
            )
        if not self.guidance:
            feat_w = feats[0][len(x) : len(logits)].detach()
            own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        loss_x = self.loss_sup(logits[: len(x)], y)
        loss_fp = confident_ce(logits_fp, own, self.conf_thresh)
        # Free the full-size logits; autograd keeps what backward needs.
        del logits, logits_fp
        if not m and not self.guidance:
            partner, feat_m = own, feat_w

        # (3) Both strong views, CutMixed like their targets.
        with self.capture(self.rank_layer) as feats:
            logits_s1, logits_s2 = self.logits(
                torch.cat([cutmix(s1, m_s1, box1), cutmix(s2, m_s2, box2)])
            ).chunk(2)
        feat_s1, feat_s2 = feats[0].chunk(2)
        target1, target2 = own.cutmix(partner, box1), own.cutmix(partner, box2)
        loss_s1 = confident_ce(logits_s1, target1, self.conf_thresh)
        loss_s2 = confident_ce(logits_s2, target2, self.conf_thresh)
        loss_c1, mass1 = self.loss_rank(
            cutmix_features(feat_w, feat_m, box1, size), feat_s1
        )
        loss_c2, mass2 = self.loss_rank(
            cutmix_features(feat_w, feat_m, box2, size), feat_s2
        )
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=(0.25 * loss_s1 + 0.25 * loss_s2) / 2,
            loss_fp=0.5 * loss_fp / 2,
            loss_rank=self.rank_weight * (loss_c1 + loss_c2) / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
            rank_top_mass=(mass1 + mass2) / 2,
        )
