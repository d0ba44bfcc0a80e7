"""UniMatch V2: one stream of two views with complementary dropout."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..utils import Guidance, complementary_dropout, confident_ce, cutmix
from .base import SemiSegmentor


@MODELS.register_module()
class UniMatchV2(SemiSegmentor):
    """Two strong views with complementary channel dropout, and an EMA teacher.

    L = (L_x + (CE(u_s1) + CE(u_s2)) / 2) / 2: confident predictions of the
    teacher for the weak view are the labels of two strong views, whose
    features drop complementary channels (see
    :func:`mmsemi.models.utils.complementary_dropout`).  Published for DINOv2
    with a DPT head; it trains any network.

    Needs :class:`mmsemi.engine.EMATeacherHook`, and mixes within the batch as
    published with ``sampler=dict(partner='in_batch')``.

    Paper: `UniMatch V2: Pushing the Limit of Semi-Supervised Semantic
    Segmentation <https://arxiv.org/abs/2410.10777>`_.  Where the released code
    differs from the paper or surprises, it is followed: half of the pairs have
    no dropout, rounded down, which is none with one unlabeled image per
    process (``whole_round_down``); the released trainer averages integer
    buffers into the teacher, too, which ruins relative positions of a BEiT:
    here they are copied.  DINOv2 has no buffers.

    Args:
        conf_thresh (float): Least confidence of a pseudo-label that is
            trained on, in [0, 1].  Defaults to 0.95.
        whole_share (float): Share of the pairs without dropout, in [0, 1].
            Defaults to 0.5.
        whole_round_down (bool): Round the number of these pairs in a step
            down, as released; False (corrected) makes it ``whole_share`` of
            the pairs on average.  Defaults to True.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: ``whole_share`` is no share.
    """

    num_views = 2

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.95,
        whole_share: float = 0.5,
        whole_round_down: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not 0 <= whole_share <= 1:
            raise ValueError(f'model.whole_share={whole_share} must be in [0, 1].')
        self.conf_thresh = conf_thresh
        self.whole_share = whole_share
        self.whole_round_down = whole_round_down
        self.guidance = Guidance('ema')

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`UniMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_strong``, which sum to
            L, and ``mask_ratio``, the share of confident pixels.

        Raises:
            RuntimeError: No hook lends the teacher.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        (s1, s2), (box1, box2) = u['strong'], u['boxes']
        m_s1, m_s2 = (m or u)['strong']  # without partners, u is mixed with itself

        # (1) The teacher's labels.
        own, partner = self.teacher_labels(u, m)

        # (2) Labeled images, in a batch of their own.
        loss_x = self.loss_sup(self.logits(x), y)

        # (3) Both strong views, CutMixed like their targets, with dropout.
        logits_s1, logits_s2 = self.logits(
            torch.cat([cutmix(s1, m_s1, box1), cutmix(s2, m_s2, box2)]),
            perturb=partial(
                complementary_dropout,
                whole=self.whole_share,
                round_down=self.whole_round_down,
            ),
        ).chunk(2)
        target1, target2 = own.cutmix(partner, box1), own.cutmix(partner, box2)
        loss_s1 = confident_ce(logits_s1, target1, self.conf_thresh)
        loss_s2 = confident_ce(logits_s2, target2, self.conf_thresh)
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=(loss_s1 + loss_s2) / 2 / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
        )
