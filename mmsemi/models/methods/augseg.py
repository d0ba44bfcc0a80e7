"""AugSeg: random-intensity views and labels injected where they are needed."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Box, LabeledStream, Paste, Streams

from ..losses import pixel_cross_entropies
from ..utils import Guidance, PseudoLabel, cutmix
from .base import SemiSegmentor


def injection_boxes(
    num: int,
    size: Sequence[int],
    seed: Sequence[int],
    concentration: tuple[float, float],
) -> list[Box]:
    """Draw the boxes that labeled images are pasted into.

    All have the sides ``sqrt(1 - share)`` of the crop's, ``share ~
    Beta(*concentration)``, and a center of their own; they end at the border.

    Args:
        num (int): Number of boxes.
        size (Sequence[int]): Height and width of the crop, in pixels.
        seed (Sequence[int]): Of the draws.
        concentration (tuple[float, float]): Parameters of the Beta distribution.

    Returns:
        list[Box]: One for each image.
    """
    rng = np.random.default_rng(tuple(seed))
    side = math.sqrt(1 - rng.beta(*concentration))
    centers = rng.uniform(1 / 8, 1, (num, 2))
    return [Box.around(x, y, side, size[0], size[1]) for x, y in centers]


def draw_chances(num: int, device: torch.device) -> Tensor:
    """Draw a uniform number in [0, 1) for each image, (num,)."""
    return torch.rand(num, device=device)


def image_confidence(logits: Tensor) -> Tensor:
    """Compute how certain the predictions of whole images are, (B,) in [0, 1].

    The mean over pixels of ``(1 - H / ln C) * max p``, where H is the entropy
    of the class probabilities p (AugSeg, section 3.3).

    Args:
        logits (Tensor): (B, C, H, W).
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)
    log_prob = logits.log_softmax(1, dtype)
    entropy = -(log_prob.exp() * log_prob).sum(1)
    conf = log_prob.amax(1).exp()
    return ((1 - entropy / math.log(logits.shape[1])) * conf).mean((1, 2))


@MODELS.register_module()
class AugSeg(SemiSegmentor):
    """Consistency with an EMA teacher under adaptive label injection.

    L = L_x + w L_u.  A strong view takes a box (CutMix) from a copy of its
    partner's, into which a labeled image, with its true labels, was pasted
    before: the more likely, the less certain the teacher is of that partner
    (see :func:`image_confidence`).  L_u is the cross entropy with the confident
    labels, divided by the number of *all* pixels.

    Needs :class:`mmsemi.engine.EMATeacherHook`, and as published the views of
    ``RandomIntensity`` and the boxes of ``CenteredBoxes``.

    Paper: `Augmentation Matters: A Simple-yet-Effective Approach to
    Semi-supervised Semantic Segmentation <https://arxiv.org/abs/2212.04976>`_,
    sections 3.2 and 3.3, written from its description.  Paper against code:
    the network's batch also holds the weak views, whose only effect is on
    BatchNorm (``weak_in_batch``); Cityscapes is trained without threshold.
    CutMix boxes have a side of their own per image here, one per batch there.

    Args:
        conf_thresh (float): Least confidence of a pseudo-label that is
            trained on, at most 1; 0 or less for all.  Defaults to 0.95.
        unsup_weight (float): w, 0 or more.  Defaults to 1.0.
        weak_in_batch (bool): Send the weak views through the network, too
            (Pascal as released).  Defaults to True.
        injection (tuple[float, float]): Parameters of the Beta distribution of
            the injected boxes' area.  Defaults to (8, 2).
        **kwargs: As in :class:`SemiSegmentor`.
    """

    num_views = 1

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.95,
        unsup_weight: float = 1.0,
        weak_in_batch: bool = True,
        injection: tuple[float, float] = (8, 2),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh = conf_thresh
        self.unsup_weight = unsup_weight
        self.weak_in_batch = weak_in_batch
        self.injection = injection
        self.guidance = Guidance('ema')

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`FixMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_strong``, which sum to
            L; ``mask_ratio``, the share of confident pixels of the weak view;
            ``injected``, the share of partners with a labeled box.

        Raises:
            RuntimeError: No hook lends the teacher.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        s, box = u['strong'][0], u['boxes'][0]
        m_s = (m or u)['strong'][0]  # without partners, u is mixed with itself

        # (1) The teacher's labels, and its certainty of each partner.
        logits_u, logits_m = self.teacher_logits(u, m)
        own = PseudoLabel.from_logits(logits_u, u['valid'])
        partner = PseudoLabel.from_logits(logits_m, (m or u)['valid'])
        unsure = draw_chances(len(m_s), m_s.device) >= image_confidence(logits_m)
        del logits_u, logits_m

        # (2) Labeled boxes in the partners, then boxes of the partners in the
        # strong views.
        m_s, partner = self.inject(labeled, m_s, partner, unsure)
        mixed, target = cutmix(s, m_s, box), own.cutmix(partner, box)

        # (3) All images in one batch.
        weak = [u['weak']] if self.weak_in_batch else []
        logits = self.logits(torch.cat([x, *weak, mixed]))
        loss_x = self.loss_sup(logits[: len(x)], y)
        (loss_u,) = pixel_cross_entropies(logits[-len(mixed) :], target.label)
        confident = (target.conf >= self.conf_thresh) & target.valid
        return dict(
            loss_sup=loss_x,
            loss_strong=self.unsup_weight * (loss_u * confident).mean(),
            mask_ratio=own.confident_share(self.conf_thresh),
            injected=unsure.to(loss_x.dtype).mean(),
        )

    def inject(
        self, labeled: LabeledStream, images: Tensor, target: PseudoLabel, where: Tensor
    ) -> tuple[Tensor, PseudoLabel]:
        """Paste a labeled box into copies of images, with its true labels.

        Args:
            labeled (LabeledStream): Image i takes from its image i, repeated.
            images (Tensor): (M, 3, H, W).
            target (PseudoLabel): Theirs.
            where (Tensor): Images that take a box, bool (M,).

        Returns:
            tuple[Tensor, PseudoLabel]: The copies; the true labels have
            confidence 1, and pixels without a label are not valid.
        """
        x, y = labeled['weak'], labeled['mask']
        assert self.guidance is not None
        boxes = injection_boxes(
            len(images), images.shape[2:], self.guidance.seed, self.injection
        )
        pastes = [
            Paste(i, i % len(x), *box) for i, box in enumerate(boxes) if not box.empty
        ]
        known = y != 255
        truth = PseudoLabel(
            known.to(target.conf.dtype), y.long().masked_fill(~known, 0), known
        )
        injected = target.cutmix(truth, pastes)
        chosen = where[:, None, None]
        return (
            torch.where(chosen[:, None], cutmix(images, x, pastes), images),
            PseudoLabel(
                *(
                    torch.where(chosen, new, old)
                    for new, old in zip(injected, target, strict=True)
                )
            ),
        )
