"""CPS: two networks that train each other."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Paste, Streams

from ..losses import pixel_cross_entropies
from ..utils import cutmix, toggled
from .base import SemiSegmentor


@MODELS.register_module()
class CPS(SemiSegmentor):
    """Cross pseudo supervision of two networks with different initial weights.

    L = L_x(A) + L_x(B) + w (CE(A, labels of B) + CE(B, labels of A)): each
    network trains on the other's predictions, all of them, without threshold.
    With ``cutmix`` the cross terms are computed on CutMixed unlabeled images,
    with mixed labels; without it on labeled and unlabeled images as they are.
    There is no strong view: only ``weak`` is read.

    Network A is the method itself (``backbone``, ``decode_head``): it is
    validated, predicts and is exported.  B, of the same config, is ``second``;
    checkpoints hold both.

    Paper: `Semi-Supervised Semantic Segmentation with Cross Pseudo Supervision
    <https://arxiv.org/abs/2106.01226>`_, equations 1 to 3.  Quirks of the
    released code, each with a switch: cross terms include padding; with
    ``cutmix`` the labels are predicted in train mode, so that BatchNorm also
    sees the unmixed images.

    Args:
        cps_weight (float): w, 0 or more.  Defaults to 1.5 (Pascal without
            CutMix).
        cutmix (bool): Mix unlabeled images with the boxes of the pipeline,
            which toggle where they overlap.  Defaults to True.
        train_padding (bool): Include padding and unlabeled pixels of masks in
            the cross terms (released).  Defaults to True.
        labels_in_train_mode (bool): Predict the labels of unmixed images in
            train mode (released).  Defaults to True.
        **kwargs: As in :class:`SemiSegmentor`.
    """

    num_views = 3  # boxes that toggle
    symptoms = ()

    def __init__(
        self,
        *args: Any,
        cps_weight: float = 1.5,
        cutmix: bool = True,
        train_padding: bool = True,
        labels_in_train_mode: bool = True,
        **kwargs: Any,
    ) -> None:
        network = deepcopy({**kwargs, 'data_preprocessor': None})
        super().__init__(*args, **kwargs)
        self.second = SemiSegmentor(*args, **network)
        self.cps_weight = cps_weight
        self.cutmix = cutmix
        self.train_padding = train_padding
        self.labels_in_train_mode = labels_in_train_mode

    @property
    def labeler(self) -> SemiSegmentor:
        """The second network, whose labels the one that is evaluated learns."""
        return self.second

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): ``labeled``, ``unlabeled`` with boxes if there is
                ``cutmix``, and ``partner``; without the last, the unlabeled
                images are mixed with each other.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_cps``, which sum to L,
            and ``agreement``, the share of pixels on which the networks agree.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        if self.cutmix:
            # (1) Labels of the unmixed images by both networks, mixed.
            box = toggled(u['boxes'])
            partner = m or u  # without partners, u is mixed with itself
            other = m['weak'] if m else None
            label_a = self.mixed_labels(self, u['weak'], other, box)
            label_b = self.mixed_labels(self.second, u['weak'], other, box)
            unlabeled = cutmix(u['weak'], partner['weak'], box)
            valid = cutmix(u['valid'], partner['valid'], box)
        else:
            unlabeled, valid = u['weak'], torch.cat([y != 255, u['valid']])

        # (2) Labeled and unlabeled images in one batch, through both networks.
        images = torch.cat([x, unlabeled])
        logits_a, logits_b = self.logits(images), self.second.logits(images)
        loss_x = self.loss_sup(logits_a[: len(x)], y) + self.loss_sup(
            logits_b[: len(x)], y
        )

        # (3) Each network learns the labels of the other.
        if self.cutmix:
            logits_a, logits_b = logits_a[len(x) :], logits_b[len(x) :]
        else:
            label_a, label_b = logits_a.argmax(1), logits_b.argmax(1)
        loss_cps = self.cross_term(logits_a, label_b, valid) + self.cross_term(
            logits_b, label_a, valid
        )
        return dict(
            loss_sup=loss_x,
            loss_cps=self.cps_weight * loss_cps,
            agreement=(label_a == label_b).to(loss_x.dtype).mean(),
        )

    @torch.no_grad()
    def mixed_labels(
        self,
        network: SemiSegmentor,
        own: Tensor,
        partner: Tensor | None,
        box: list[Paste],
    ) -> Tensor:
        """Predict images and their partners, and mix the labels.

        Args:
            network (SemiSegmentor): A or B.
            own (Tensor): Unlabeled images, (B, 3, H, W).
            partner (Tensor, optional): Their partners, if not ``own`` itself.
            box (list[Paste]): What is taken from them.

        Returns:
            Tensor: Classes, (B, H, W).
        """
        if self.labels_in_train_mode:
            # One after the other: BatchNorm sees each batch by itself.
            label = network.logits(own).argmax(1)
            other = label if partner is None else network.logits(partner).argmax(1)
            torch.clear_autocast_cache()  # see `eval_no_grad`
        else:
            images = own if partner is None else torch.cat([own, partner])
            with network.eval_no_grad():
                labels = network.logits(images).argmax(1)
            label = labels[: len(own)]
            other = label if partner is None else labels[len(own) :]
        return cutmix(label, other, box)

    def cross_term(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        """Average the cross entropy (B, H, W) over all pixels or the valid ones."""
        (loss,) = pixel_cross_entropies(logits, label)
        if self.train_padding:
            return loss.mean()
        return (loss * valid).sum() / valid.sum().clamp(min=1)
