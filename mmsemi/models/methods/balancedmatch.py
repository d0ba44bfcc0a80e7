"""BalancedMatch: pseudo-labels weigh the classes as labels do."""

from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..losses import PixelLoss, criteria_of
from ..utils import ClassBalance, Guidance, confident_ce, cutmix
from .base import SemiSegmentor


@MODELS.register_module()
class BalancedMatch(SemiSegmentor):
    """Two strong views, an EMA teacher, and weights for rare classes.

    L = (L_x + (L_1 + L_2) / 2) / 2.  The teacher's confident predictions for the
    weak view are the labels of two strong, CutMixed views.  Confident pixels are
    mostly of common classes, and as labels they drive out the rare ones.  So a
    pixel counts by the weight w_k of its class k in all terms, and in the number
    of pixels that each is divided by::

        L_v = sum_i w_y(i) [conf_i >= tau] CE(p_vi, y_i) / sum_i w_y(i)

    with i over the valid pixels.  The weights follow the labeled pixels
    (:class:`mmsemi.models.utils.ClassBalance`).  If ``loss_decode`` has class
    weights, L_v takes those.  Losses of mmseg keep weights of their own in L_x.

    Needs :class:`mmsemi.engine.EMATeacherHook`.  This project's own method;
    results/README.md has what it was compared with, and what did not help.

    Args:
        conf_thresh (float): tau, least confidence of a pseudo-label that is
            trained on, in [0, 1].  Defaults to 0.95.
        balance (float, optional): Exponent of a class's rarity in its weight, 0 or
            more; 0 weighs all classes alike.  Defaults to None: 0.5, or the class
            weights of ``loss_decode``.
        **kwargs: As in :class:`SemiSegmentor`.

    Raises:
        ValueError: ``balance`` is negative, or ``loss_decode`` has class weights,
            too.
    """

    num_views = 2

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.95,
        balance: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh = conf_thresh
        self.guidance = Guidance('ema')
        self.given = any(c.class_weight is not None for c in self._criteria())
        if balance is not None and (self.given or balance < 0):
            raise ValueError(
                f'model.balance={balance} must be 0 or more, and left out where '
                'model.decode_head.loss_decode.class_weight says what classes weigh.'
            )
        if not self.given:
            power = 0.5 if balance is None else balance
            self.balance = ClassBalance(self.num_classes, power)
            for criterion in self._criteria():
                criterion.class_weight = torch.ones(self.num_classes)

    def _criteria(self) -> list[PixelLoss]:
        """Return the criteria of the supervised loss that take class weights."""
        criteria = criteria_of(self.decode_head.loss_decode)
        return [c for c in criteria if isinstance(c, PixelLoss)]

    def class_weight(self, mask: Tensor) -> Tensor:
        """Return the weights of the config, or those that follow the masks, (C,).

        The latter become those of the supervised loss, too.
        """
        if self.given:
            given = (c.class_weight for c in self._criteria())
            return next(weight for weight in given if weight is not None)
        weight = self.balance.update(mask)
        for criterion in self._criteria():
            criterion.class_weight = weight
        return weight

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`UniMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_strong``, which sum to L,
            and ``mask_ratio``, the share of confident pixels.

        Raises:
            RuntimeError: No hook lends the teacher.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        other = (m or u)['strong']  # without partners, u is mixed with itself
        class_weight = self.class_weight(y)

        # (1) The teacher's labels.
        own, partner = self.teacher_labels(u, m)

        # (2) Labeled and strong views in one batch.
        views = [
            cutmix(s, m_s, box)
            for s, m_s, box in zip(u['strong'], other, u['boxes'], strict=True)
        ]
        logits = self.logits(torch.cat([x, *views]))
        loss_x = self.loss_sup(logits[: len(x)], y)

        # Their targets are CutMixed as they are.
        losses = [
            confident_ce(
                logits_s, own.cutmix(partner, box), self.conf_thresh, class_weight
            )
            for logits_s, box in zip(
                logits[len(x) :].chunk(len(views)), u['boxes'], strict=True
            )
        ]
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=torch.stack(losses).mean() / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
        )
