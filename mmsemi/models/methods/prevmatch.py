"""PrevMatch: UniMatch, guided by earlier states of its own network."""

import numpy as np
import torch
from torch import Tensor

from mmsemi.registry import MODELS

from ..losses import WEIGHTINGS, pixel_cross_entropies
from ..utils import Guidance, PseudoLabel, Symptom, cutmix, masked_ce
from .base import SemiSegmentor, Streams, flipped


def triangular(epoch: int, max_epochs: int) -> float:
    """Rises linearly from 0 to 1 at the middle epoch, and falls to 0."""
    middle = max_epochs // 2
    if epoch < middle:
        return epoch / middle
    return (max_epochs - epoch) / (max_epochs - middle)


def draw_ensemble(
    num: int, most: int, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Draw which models speak together, and how loud.

    Args:
        num (int): Models there are, 1 or more.
        most (int): Largest number to draw: k ~ uniform{1..most}, at most
            ``num``.
        rng (Generator): Where from.

    Returns:
        list[tuple[int, float]]: k different models with their weights, which
        are Dirichlet(1, ..., 1) distributed and sum to 1.
    """
    k = min(int(rng.integers(1, most + 1)), num)
    chosen = rng.choice(num, k, replace=False)
    return list(zip(chosen.tolist(), rng.dirichlet(np.ones(k)).tolist()))


@MODELS.register_module()
class PrevMatch(SemiSegmentor):
    """Consistency with previous models.

    L = (L_x + L_std + λ (0.25 CE(u_s1) + 0.25 CE(u_s2) + 0.5 CE(fp))_prev)
    / (2 + λ), L_std being UniMatch's unsupervised sum: beside the network's
    own pseudo-labels, those of a random ensemble of its previous states
    teach the same predictions.  λ is :func:`triangular` over the epochs;
    while there is no previous model it is 0, and L is UniMatch's.

    The previous models are lent by :class:`mmsemi.engine.PreviousModelsHook`
    and are no part of this network or its checkpoints.  With
    ``guidance='ema'`` the teacher of :class:`mmsemi.engine.EMATeacherHook`
    takes their place.

    Paper: `Revisiting and Maximizing Temporal Knowledge in Semi-supervised
    Semantic Segmentation <https://arxiv.org/abs/2405.20610>`_.

    Args:
        conf_thresh (float): Pixels whose largest probability is below it
            teach nothing, in [0, 1].  Defaults to 0.95.
        prev_conf_thresh (float): The same for the labels of the previous
            models.  Defaults to 0.9.
        guidance (str): 'previous' or 'ema'.
        max_ensemble (int): Previous models that speak together at most.
            Defaults to 3.
        prev_weighting (str): How the confidence of the previous models
            weighs their labels: 'pixelwise', 'pixelratio' or 'pixelavg' (see
            :mod:`mmsemi.models.losses.confidence`).
        corrected_weighting (bool): Use the form of ``prev_weighting`` without
            the released one's quirks.  Defaults to False.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: An unknown ``guidance`` or ``prev_weighting``.
    """

    symptoms = (
        *SemiSegmentor.symptoms,
        *(
            Symptom(
                name,
                0,
                f'{name} is exactly 0 and teaches nothing: lower '
                'model.prev_conf_thresh.',
                scale='prev_weight',
            )
            for name in ('loss_prev_strong', 'loss_prev_fp')
        ),
    )

    def __init__(
        self,
        *args,
        conf_thresh: float = 0.95,
        prev_conf_thresh: float = 0.9,
        guidance: str = 'previous',
        max_ensemble: int = 3,
        prev_weighting: str = 'pixelwise',
        corrected_weighting: bool = False,
        **kwargs,
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
        self.guidance = Guidance(guidance)
        self.max_ensemble = max_ensemble
        self.prev_weighting = prev_weighting
        self.corrected_weighting = corrected_weighting

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (dict): The streams, as in :meth:`UniMatch.loss`.

        Returns:
            dict[str, Tensor]: ``loss_sup``, ``loss_strong``, ``loss_fp``,
            ``loss_prev_strong`` and ``loss_prev_fp``, which sum to L;
            ``mask_ratio`` and ``prev_mask_ratio``, the shares of confident
            pixels; ``prev_weight``, which is λ, and ``prev_models``, the
            number of models to draw from.

        Raises:
            RuntimeError: No hook lends the models.
        """
        x, y = inputs['labeled']['weak'], inputs['labeled']['mask']
        u = inputs['unlabeled']
        m = inputs.get('partner')
        box1, box2 = u['box1'], u['box2']
        weight = self.prev_weight()

        # (1) In eval mode: the partner's label, and the labels of both by the
        # previous models.
        partner = self.pseudo_label(m) if m else None
        prev, prev_partner = self.prev_labels(u, m) if weight else (None, None)

        # (2) Labeled and weak views in one batch, with the dropped copy.
        logits, logits_fp = self.logits_and_dropped(
            torch.cat([x, u['weak']]), unasked=len(x)
        )
        own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        loss_x = self.loss_sup(logits[: len(x)], y)
        loss_fp, prev_fp = self.both_ce(logits_fp, own, prev)
        del logits, logits_fp  # full size: what the way back needs is kept
        if m is None:
            m, partner = flipped(u), own.flip()

        # (3) Both strong views, CutMixed as their targets are.
        logits_s1, logits_s2 = self.logits(
            torch.cat(
                [
                    cutmix(u['strong1'], m['strong1'], box1),
                    cutmix(u['strong2'], m['strong2'], box2),
                ]
            )
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
            prev_models=loss_x.new_full((), len(self.guidance.models)),
        )

    def prev_weight(self) -> float:
        """λ of this step; 0 while there is no previous model."""
        guidance = self.guidance
        if guidance.models is None:
            hook = dict(previous='PreviousModelsHook', ema='EMATeacherHook')
            raise RuntimeError(
                f'{type(self).__name__} with guidance={guidance.source!r} is '
                'lent no models: add dict(type='
                f'{hook[guidance.source]!r}) to `custom_hooks`.'
            )
        if not guidance.models:
            return 0
        return triangular(guidance.epoch, guidance.max_epochs)

    @torch.no_grad()
    def prev_labels(
        self, u: dict[str, Tensor], m: dict[str, Tensor] | None
    ) -> tuple[PseudoLabel, PseudoLabel]:
        """Labels of the weak views by one ensemble of previous models.

        Args:
            u (dict): The stream ``unlabeled``.
            m (dict, optional): The stream ``partner``; its labels are the
                flipped own ones where there is none.
        """
        guidance = self.guidance
        ensemble = draw_ensemble(
            len(guidance.models),
            self.max_ensemble,
            np.random.default_rng(guidance.seed),
        )
        weak = torch.cat([u['weak'], m['weak']]) if m else u['weak']
        logits = sum(share * guidance.models[i].logits(weak) for i, share in ensemble)
        own = PseudoLabel.from_logits(logits[: len(u['weak'])], u['valid'])
        if m is None:
            return own, own.flip()
        return own, PseudoLabel.from_logits(logits[len(u['weak']) :], m['valid'])

    def both_ce(
        self, logits: Tensor, own: PseudoLabel, prev: PseudoLabel | None
    ) -> tuple[Tensor, Tensor]:
        """Cross entropy with the own labels, and with the previous models'.

        Args:
            logits (Tensor): (B, C, H, W).
            own (PseudoLabel): (B, H, W) each.
            prev (PseudoLabel, optional): Likewise; its term is 0 where there
                is none.

        Returns:
            tuple[Tensor]: Two scalars, 0 where nothing is valid.
        """
        if prev is None:
            loss = masked_ce(logits, own, self.conf_thresh)
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
