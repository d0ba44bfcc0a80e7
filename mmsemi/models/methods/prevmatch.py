"""PrevMatch: UniMatch guided by earlier states of its own network."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import PartnerStream, Streams, UnlabeledStream

from ..losses import WEIGHTINGS, pixel_cross_entropies
from ..utils import Guidance, PseudoLabel, Symptom, confident_ce, cutmix
from .base import SemiSegmentor


def triangular(epoch: int, max_epochs: int) -> float:
    """Return a weight that rises from 0 to 1 at the middle epoch and falls to 0.

    Args:
        epoch (int): Current epoch, from 0.
        max_epochs (int): Epochs of the run.

    Returns:
        float: In [0, 1], linear on either side of the middle.
    """
    middle = max_epochs // 2
    if epoch < middle:
        return epoch / middle
    return (max_epochs - epoch) / (max_epochs - middle)


def draw_ensemble(
    num: int, most: int, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Draw the models of an ensemble and their weights.

    Args:
        num (int): Number of models to choose from, 1 or more.
        most (int): Largest size of the ensemble: k ~ uniform{1..most}, at
            most ``num``.
        rng (Generator): Random number generator.

    Returns:
        list[tuple[int, float]]: Indices of k different models, each with its
        weight; the weights are Dirichlet(1, ..., 1) distributed and sum to 1.
    """
    k = min(int(rng.integers(1, most + 1)), num)
    chosen = rng.choice(num, k, replace=False)
    return list(zip(chosen.tolist(), rng.dirichlet(np.ones(k)).tolist(), strict=True))


@MODELS.register_module()
class PrevMatch(SemiSegmentor):
    """Consistency with previous models.

    L = (L_x + L_std + λ (0.25 CE(u_s1) + 0.25 CE(u_s2) + 0.5 CE(fp))_prev)
    / (2 + λ), with UniMatch's unsupervised sum L_std: the same predictions
    are trained with the network's own pseudo-labels and with those of a
    random ensemble of its previous states.  λ is :func:`triangular` over the
    epochs; while there is no previous model it is 0, and L is UniMatch's.

    :class:`mmsemi.engine.PreviousModelsHook` lends the previous models, which
    are not part of this network or its checkpoints.  With ``guidance='ema'``
    the teacher of :class:`mmsemi.engine.EMATeacherHook` replaces them.

    Paper: `Revisiting and Maximizing Temporal Knowledge in Semi-supervised
    Semantic Segmentation <https://arxiv.org/abs/2405.20610>`_.

    Args:
        conf_thresh (float): Least confidence of a pseudo-label that is
            trained on, in [0, 1].  Defaults to 0.95.
        prev_conf_thresh (float): The same for the labels of the previous
            models.  Defaults to 0.9.
        guidance (str): 'previous' or 'ema'.  Defaults to 'previous'.
        max_ensemble (int): Largest number of previous models in an ensemble.
            Defaults to 3.
        prev_weighting (str): How the loss is weighted with the confidence of
            the previous models: 'pixelwise', 'pixelratio' or 'pixelavg' (see
            :mod:`mmsemi.models.losses.confidence`).  Defaults to 'pixelwise'.
        corrected_weighting (bool): Use ``prev_weighting`` without the quirks
            of the released code.  Defaults to False.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: An unknown ``guidance`` or ``prev_weighting``.
    """

    num_views = 2
    guidance: Guidance
    symptoms = (
        *SemiSegmentor.symptoms,
        *(
            Symptom(
                name,
                0,
                f'{name} is exactly 0 and has no effect: lower model.prev_conf_thresh.',
                scale='prev_weight',
            )
            for name in ('loss_prev_strong', 'loss_prev_fp')
        ),
    )

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.95,
        prev_conf_thresh: float = 0.9,
        guidance: str = 'previous',
        max_ensemble: int = 3,
        prev_weighting: str = 'pixelwise',
        corrected_weighting: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if guidance not in ('previous', 'ema'):
            raise ValueError(f"guidance={guidance!r} is neither 'previous' nor 'ema'.")
        if prev_weighting not in WEIGHTINGS:
            raise ValueError(
                f'prev_weighting={prev_weighting!r} is none of {", ".join(WEIGHTINGS)}.'
            )
        self.conf_thresh = conf_thresh
        self.prev_conf_thresh = prev_conf_thresh
        self.guidance = Guidance(guidance, by_epoch=True)
        self.max_ensemble = max_ensemble
        self.prev_weighting = prev_weighting
        self.corrected_weighting = corrected_weighting

    @property
    def labeler(self) -> SemiSegmentor:
        """Itself: its guidance teaches beside its own pseudo-labels."""
        return self

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`UniMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup``, ``loss_strong``, ``loss_fp``,
            ``loss_prev_strong`` and ``loss_prev_fp``, which sum to L;
            ``mask_ratio`` and ``prev_mask_ratio``, the shares of confident
            pixels; ``prev_weight``, which is λ, and ``prev_models``, the
            number of models to draw from.

        Raises:
            RuntimeError: No hook lends the models.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        (s1, s2), (box1, box2) = u['strong'], u['boxes']
        m_s1, m_s2 = (m or u)['strong']  # without partners, u is mixed with itself
        weight = self.prev_weight()

        # (1) In eval mode: the partner's label, and the previous models' labels
        # of both.
        if m:
            partner = self.pseudo_label(m)
        prev = None
        if weight:
            prev, prev_partner = self.prev_labels(u, m)

        # (2) Labeled and weak views in one batch, with the dropped copy.
        logits, logits_fp = self.logits_and_dropped(
            torch.cat([x, u['weak']]), dropped_from=len(x)
        )
        own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        loss_x = self.loss_sup(logits[: len(x)], y)
        loss_fp, prev_fp = self.both_ce(logits_fp, own, prev)
        # Free the full-size logits; autograd keeps what backward needs.
        del logits, logits_fp
        if not m:
            partner = own

        # (3) Both strong views, CutMixed like their targets.
        logits_s1, logits_s2 = self.logits(
            torch.cat([cutmix(s1, m_s1, box1), cutmix(s2, m_s2, box2)])
        ).chunk(2)
        loss_s1, prev_s1 = self.both_ce(
            logits_s1,
            own.cutmix(partner, box1),
            prev and prev.cutmix(prev_partner, box1),
        )
        loss_s2, prev_s2 = self.both_ce(
            logits_s2,
            own.cutmix(partner, box2),
            prev and prev.cutmix(prev_partner, box2),
        )

        total = 2 + weight
        return dict(
            loss_sup=loss_x / total,
            loss_strong=(0.25 * loss_s1 + 0.25 * loss_s2) / total,
            loss_fp=0.5 * loss_fp / total,
            loss_prev_strong=weight * (0.25 * prev_s1 + 0.25 * prev_s2) / total,
            loss_prev_fp=weight * 0.5 * prev_fp / total,
            mask_ratio=own.confident_share(self.conf_thresh),
            prev_mask_ratio=prev.confident_share(self.prev_conf_thresh)
            if prev
            else loss_x.new_zeros(()),
            prev_weight=loss_x.new_full((), weight),
            prev_models=loss_x.new_full((), len(self.prev_models)),
        )

    @property
    def prev_models(self) -> Sequence:
        """Models that guide this step, none at first.

        Raises:
            RuntimeError: No hook lends the models.
        """
        return self.guidance.lent()

    def prev_weight(self) -> float:
        """Return λ of this step; 0 while there is no previous model."""
        if not self.prev_models:
            return 0
        return triangular(self.guidance.epoch, self.guidance.max_epochs)

    @torch.no_grad()
    def prev_labels(
        self, u: UnlabeledStream, m: PartnerStream | None
    ) -> tuple[PseudoLabel, PseudoLabel]:
        """Predict labels of the weak views with an ensemble of previous models.

        Args:
            u (UnlabeledStream): Unlabeled images.
            m (PartnerStream, optional): Their partners, if not ``u`` itself.

        Returns:
            tuple[PseudoLabel, PseudoLabel]: Labels of the unlabeled images
            and of their partners, from the same ensemble.
        """
        models = self.prev_models
        rng = np.random.default_rng(self.guidance.seed)
        ensemble = draw_ensemble(len(models), self.max_ensemble, rng)
        weak = torch.cat([u['weak'], m['weak']]) if m else u['weak']
        shares = (share * models[i].logits(weak) for i, share in ensemble)
        logits = reduce(torch.add, shares)
        own = PseudoLabel.from_logits(logits[: len(u['weak'])], u['valid'])
        if m is None:
            return own, own
        return own, PseudoLabel.from_logits(logits[len(u['weak']) :], m['valid'])

    def both_ce(
        self, logits: Tensor, own: PseudoLabel, prev: PseudoLabel | None
    ) -> tuple[Tensor, Tensor]:
        """Compute the cross entropy with the own and the previous models' labels.

        Args:
            logits (Tensor): (B, C, H, W).
            own (PseudoLabel): (B, H, W) each.
            prev (PseudoLabel, optional): Likewise; without it the second loss
                is 0.

        Returns:
            tuple[Tensor, Tensor]: Two scalars, 0 if no pixel is valid.
        """
        if prev is None:
            loss = confident_ce(logits, own, self.conf_thresh)
            return loss, torch.zeros_like(loss)
        loss, prev_loss = pixel_cross_entropies(logits, own.label, prev.label)
        return (
            WEIGHTINGS['pixelwise'](loss, own.conf, own.valid, self.conf_thresh),
            WEIGHTINGS[self.prev_weighting](
                prev_loss,
                prev.conf,
                prev.valid,
                self.prev_conf_thresh,
                self.corrected_weighting,
            ),
        )
