"""CorrMatch: propagate labels along the correlation of pixels."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..losses import masked_cross_entropy, masked_kl
from ..utils import (
    AdaptiveThreshold,
    PseudoLabel,
    Symptom,
    confident_ce,
    cutmix,
    ema_guidance,
    outside,
    propagate_labels,
    random_positions,
    region_masks,
)
from .base import SemiSegmentor


@MODELS.register_module()
class CorrMatch(SemiSegmentor):
    """Label propagation by correlation matching.

    L = (0.5 L_x + 0.5 L_x(corr) + 0.25 CE(u_s) + 0.25 KL + 0.25 CE(fp)
    + 0.125 (CE(corr u_s) + CE(corr u_w))) / 2: confident predictions for the
    weak view are the labels of the strong view, of the weak view under
    channel dropout (fp) and of the *correlated* logits of both (corr, see
    :class:`CorrelationBlock`).  The confidence threshold adapts to the
    network (:class:`AdaptiveThreshold`), and regions of correlated pixels
    whose confident part agrees complete the strong view's labels
    (:func:`propagate_labels`).

    Quirks of the released trainer, which are the defaults, each with a
    switch: the threshold adapts to the weak view's own prediction, but leaves
    out the padding of the *CutMixed* one; regions never grow from the last
    position; KL compares the strong view, which is CutMixed, with the weak
    view, which is not.

    Paper: `CorrMatch: Label Propagation via Correlation Matching for
    Semi-Supervised Semantic Segmentation
    <https://arxiv.org/abs/2306.04300>`_.

    Args:
        correlation (dict): Config of the :class:`CorrelationBlock`, without
            ``num_classes``; its features are the backbone's last level.
        thresh_init (float): Initial confidence threshold, in [0, 1].
            Defaults to 0.85.
        thresh_momentum (float): Share of the threshold kept at a step.
            Defaults to 0.999.
        num_regions (int): Number of positions that regions grow from.
            Defaults to 128.
        thresh_valid (str): Padding that the threshold leaves out: 'mixed',
            the CutMixed target's (released), or 'own', the weak view's
            (corrected).
        all_positions (bool): Whether regions may grow from the last position
            too (corrected).  Defaults to False.
        kl_target (str): The weak side of KL: 'own' (released) or 'mixed'
            (corrected).
        guidance (str, optional): 'ema' for pseudo-labels, and the weak side
            of KL, from the teacher of :class:`mmsemi.engine.EMATeacherHook`;
            correlations stay the network's own.  Defaults to None.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: ``thresh_valid`` or ``kl_target`` is neither 'own' nor
            'mixed'; an unknown ``guidance``.
    """

    num_views = 1
    thresh_setting = 'model.thresh_init'
    symptoms = (
        Symptom(
            'mask_ratio',
            0,
            'No pixel of the pseudo-labels is confident: lower model.thresh_init, '
            'or model.thresh_momentum so that the threshold follows sooner.',
        ),
        Symptom(
            'mask_ratio',
            1,
            'Every pixel of the pseudo-labels is confident, so that the threshold '
            'rejects nothing: raise model.thresh_init, and check whether the '
            'pseudo-labels are of one class.',
        ),
    )

    def __init__(
        self,
        *args: Any,
        correlation: Mapping[str, Any] = dict(in_channels=2048),
        thresh_init: float = 0.85,
        thresh_momentum: float = 0.999,
        num_regions: int = 128,
        thresh_valid: str = 'mixed',
        all_positions: bool = False,
        kl_target: str = 'own',
        guidance: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, value in (('thresh_valid', thresh_valid), ('kl_target', kl_target)):
            if value not in ('own', 'mixed'):
                raise ValueError(f"{name} must be 'own' or 'mixed', got {value!r}.")
        self.correlation = MODELS.build(
            {'type': 'CorrelationBlock', 'num_classes': self.num_classes, **correlation}
        )
        self.thresh = AdaptiveThreshold(thresh_init, thresh_momentum)
        self.num_regions = num_regions
        self.thresh_valid = thresh_valid
        self.all_positions = all_positions
        self.kl_target = kl_target
        self.guidance = ema_guidance(guidance)

    @property
    def label_thresh(self) -> Tensor:
        """The threshold now; propagation keeps more, and relabels."""
        return self.thresh.value

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`FixMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup``, ``loss_sup_corr``,
            ``loss_strong``, ``loss_kl``, ``loss_fp`` and ``loss_corr``, which
            sum to L; ``mask_ratio``, the share of confident pixels of the
            weak view; ``thresh``; ``relabel_ratio``, the share of the strong
            view's pixels whose label propagation changed.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        s, box = u['strong'][0], u['boxes'][0]
        m_s = (m or u)['strong'][0]  # without partners, u is mixed with itself

        # (1) The partner's prediction, in eval mode; from a teacher, those of
        # all weak views.
        if self.guidance:
            logits_t, logits_m = self.teacher_logits(u, m)
            own = PseudoLabel.from_logits(logits_t, u['valid'])
            partner = PseudoLabel.from_logits(logits_m, m['valid']) if m else own
        elif m:
            with self.eval_no_grad():
                logits_m = self.logits(m['weak'])
            partner = PseudoLabel.from_logits(logits_m, m['valid'])

        # (2) Labeled and weak views in one batch, with the dropped copy, and
        # correlated.
        with self.capture('backbone') as levels:
            logits, logits_fp = self.logits_and_dropped(
                torch.cat([x, u['weak']]), dropped_from=len(x)
            )
        feat = levels[0][-1]
        spread, corr = self.correlation(feat, logits)
        logits_x, logits_w = logits.split([len(x), len(u['weak'])])
        spread_x, spread_w = spread.split([len(x), len(u['weak'])])
        if not self.guidance:
            logits_t = logits_w
            own = PseudoLabel.from_logits(logits_w, u['valid'])
            if not m:
                partner, logits_m = own, logits_w

        # (3) The strong view, CutMixed like its target, and correlated.
        with self.capture('backbone') as levels:
            logits_s = self.logits(cutmix(s, m_s, box))
        spread_s, _ = self.correlation(levels[0][-1], logits_s)
        mixed = own.cutmix(partner, box)

        # The threshold is updated first and used for the whole step.
        watched = own if self.thresh_valid == 'own' else own._replace(valid=mixed.valid)
        thresh = self.thresh.update(watched, self.num_classes)

        # Regions of the weak view vote, without the pixels that CutMix replaced.
        index = random_positions(
            self.num_regions, corr.size(1), corr.device, self.all_positions
        )
        regions = region_masks(
            corr.detach()[len(x) :, index].unflatten(2, feat.shape[2:]),
            outside(mixed.valid, box),
        )
        confident = (mixed.conf >= thresh) & mixed.valid
        label, keep = propagate_labels(
            mixed.label, confident, regions, thresh, self.num_classes
        )

        loss_x = self.loss_sup(logits_x, y)
        loss_x_corr = self.loss_sup(spread_x, y)
        loss_s = masked_cross_entropy(logits_s, label, keep, mixed.valid)
        loss_corr_s = masked_cross_entropy(spread_s, label, keep, mixed.valid)
        loss_corr_w = confident_ce(spread_w, own, thresh)
        loss_fp = confident_ce(logits_fp, own, thresh)
        weak = logits_t if self.kl_target == 'own' else cutmix(logits_t, logits_m, box)
        loss_kl = masked_kl(logits_s, weak, confident, mixed.valid)
        relabeled = ((label != mixed.label) & mixed.valid).sum()
        return dict(
            loss_sup=0.5 * loss_x / 2,
            loss_sup_corr=0.5 * loss_x_corr / 2,
            loss_strong=0.25 * loss_s / 2,
            loss_kl=0.25 * loss_kl / 2,
            loss_fp=0.25 * loss_fp / 2,
            loss_corr=0.25 * 0.5 * (loss_corr_s + loss_corr_w) / 2,
            mask_ratio=own.confident_share(thresh),
            thresh=thresh,
            relabel_ratio=relabeled / mixed.valid.sum().clamp(min=1),
        )
