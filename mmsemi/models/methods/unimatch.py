"""UniMatch: two strong views and a perturbed feature."""

import torch
from torch import Tensor

from mmsemi.registry import MODELS

from ..utils import PseudoLabel, cutmix, masked_ce
from .base import SemiSegmentor, Streams, flipped


@MODELS.register_module()
class UniMatch(SemiSegmentor):
    """Unified dual-stream perturbations.

    L = (L_x + 0.25 CE(u_s1) + 0.25 CE(u_s2) + 0.5 CE(fp)) / 2: the weak
    view's confident prediction teaches two strong views of the same crop,
    and the weak view itself under channel dropout of its features (fp).

    Paper: `Revisiting Weak-to-Strong Consistency in Semi-Supervised Semantic
    Segmentation <https://arxiv.org/abs/2208.09910>`_, equation 6.

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
                its own, ``partner`` (``weak``, ``strong1``, ``strong2``
                (B, 3, S, S), ``valid`` (B, S, S)), whose images ``box1`` and
                ``box2`` of ``unlabeled``, lists of :class:`Paste`, take boxes
                from.

        Returns:
            dict[str, Tensor]: ``loss_sup``, ``loss_strong`` and ``loss_fp``,
            which sum to L, and ``mask_ratio``, the share of confident
            pixels.
        """
        x, y = inputs['labeled']['weak'], inputs['labeled']['mask']
        u = inputs['unlabeled']
        m = inputs.get('partner')
        box1, box2 = u['box1'], u['box2']

        # (1) The partner's label, in eval mode.
        partner = self.pseudo_label(m) if m else None

        # (2) Labeled and weak views in one batch, with the dropped copy.
        logits, logits_fp = self.logits_and_dropped(
            torch.cat([x, u['weak']]), unasked=len(x)
        )
        own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        loss_x = self.loss_sup(logits[: len(x)], y)
        loss_fp = masked_ce(logits_fp, own, self.conf_thresh)
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
        target1, target2 = own.cutmix(partner, box1), own.cutmix(partner, box2)
        loss_s1 = masked_ce(logits_s1, target1, self.conf_thresh)
        loss_s2 = masked_ce(logits_s2, target2, self.conf_thresh)
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=(0.25 * loss_s1 + 0.25 * loss_s2) / 2,
            loss_fp=0.5 * loss_fp / 2,
            mask_ratio=own.confident_share(self.conf_thresh),
        )
