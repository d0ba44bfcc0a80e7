"""Mechanics that every method uses; decisions are left to the methods."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmseg.models.data_preprocessor import SegDataPreProcessor
from torch import Tensor

from mmsemi.structures import PartnerStream

from ..losses import apply_criterion, check_criteria, criteria_of
from ..utils import Guidance, PseudoLabel, Symptom
from .evaluated import EvaluatedSegmentor


class SemiSegmentor(EvaluatedSegmentor):
    """Base class of all methods: an mmseg segmentor without a :meth:`loss`.

    It has mechanics only: logits at the size of the images, with and without
    feature dropout, features of any layer, pseudo-labels in eval mode.  A
    method is a direct child with one flat ``loss()`` over
    :class:`mmsemi.structures.Streams`; validation, inference and checkpoints
    are those of any ``EncoderDecoder``.

    The supervised criterion is the decode head's ``loss_decode``, on the
    pixels that its ``sampler`` selects (see :meth:`loss_sup`).

    Args:
        *args: As in :class:`mmseg.models.EncoderDecoder`.
        **kwargs: Likewise.

    Raises:
        ValueError: The network has an auxiliary head, several decode heads, or
            one with a single output channel, for which no method is defined;
            ``test_cfg`` has an unknown mode or key; the number of
            class weights is not the number of classes; a loss cannot be
            computed; the preprocessor is mmseg's.
    """

    # What HealthHook warns of.  A loss term that stays exactly 0 needs no entry
    # unless its cure is known or another logged value scales it.
    symptoms: ClassVar[tuple[Symptom, ...]] = (
        Symptom(
            'mask_ratio',
            0,
            'No pixel of the pseudo-labels is confident: lower model.conf_thresh, '
            'or train longer on labeled images first.',
        ),
        Symptom(
            'mask_ratio',
            1,
            'Every pixel of the pseudo-labels is confident, so that the threshold '
            'rejects nothing: raise model.conf_thresh, and check whether the '
            'pseudo-labels are of one class.',
        ),
    )

    # Strong views of an unlabeled image that a method trains on; None if any
    # number will do.
    num_views: ClassVar[int | None] = None

    # The setting of the least confidence that counts, which warnings name.
    thresh_setting: ClassVar[str] = 'model.conf_thresh'

    # Models that a hook lends the method; None if it needs none.
    guidance: Guidance | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        head = kwargs.get('decode_head')
        if isinstance(head, list | tuple):
            raise ValueError(
                f'{name} trains one decode head, but model.decode_head is a list of '
                f'{len(head)}: cascades of heads have no method here. Name one head.'
            )
        super().__init__(*args, **kwargs)
        if self.with_auxiliary_head:
            raise ValueError(
                f'{name} trains the decode head alone: set `auxiliary_head=None`.'
            )
        if self.out_channels != self.num_classes:
            raise ValueError(
                f'{name} needs a logit per class, but decode_head gives '
                f'{self.out_channels} for {self.num_classes} classes: leave '
                '`out_channels` out.'
            )
        if type(self.data_preprocessor) is SegDataPreProcessor:
            raise ValueError(
                f"{name} trains on streams, which mmseg's SegDataPreProcessor does "
                "not know: set model.data_preprocessor.type='SemiDataPreprocessor'."
            )
        check_criteria(self.decode_head.loss_decode, self.num_classes)

    def logits_and_dropped(
        self, images: Tensor, dropped_from: int = 0, prob: float = 0.5
    ) -> tuple[Tensor, Tensor]:
        """Compute logits of the features, and of a copy with channel dropout.

        Both copies go through the decoder in one batch, so that its
        BatchNorm sees both (UniMatch, feature perturbation).

        Args:
            images (Tensor): (B, 3, H, W).
            dropped_from (int): First image whose dropped logits are returned
                and resized to full size.  Defaults to 0: all of them.
            prob (float): Share of the channels dropped on every input level
                of the decoder.  Defaults to 0.5.

        Returns:
            tuple[Tensor, Tensor]: (B, C, H, W) and (B - dropped_from, C, H,
            W).
        """
        feats = [
            torch.cat([feat, F.dropout2d(feat, prob)])
            for feat in self.extract_feat(images)
        ]
        logits, dropped = self.decode_head(feats).chunk(2)
        return (
            self._to_size_of(images, logits),
            self._to_size_of(images, dropped[dropped_from:]),
        )

    def loss_sup(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Compute the supervised loss of the decode head.

        As in mmseg's ``loss_by_feat``, the head's ``sampler`` weighs the
        pixels if there is one (``OHEMPixelSampler``), and several criteria of
        ``loss_decode`` are summed.  Unlike there, the sum is one term of the
        method, logged under the method's name for it (``loss_sup``) whatever
        the criteria's ``loss_name``.

        Args:
            logits (Tensor): (B, C, H, W).
            mask (Tensor): (B, H, W), int64, 255 = ignore.

        Returns:
            Tensor: Scalar.
        """
        head = self.decode_head
        weight = None
        if head.sampler is not None:
            weight = head.sampler.sample(logits, mask[:, None])
        losses = [
            apply_criterion(criterion, logits, mask, weight, head.ignore_index)
            for criterion in criteria_of(head.loss_decode)
        ]
        return sum(losses[1:], losses[0])

    @contextmanager
    def eval_no_grad(self) -> Iterator[None]:
        """Run the network as a frozen teacher: eval mode, no gradients."""
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(training)
            # Autocast caches the weights that it casts; older PyTorch caches
            # them without a graph if the first forward needs no gradients.
            torch.clear_autocast_cache()

    @contextmanager
    def capture(self, layer: str) -> Iterator[list[Tensor]]:
        """Collect the outputs of a layer, one for each forward in the block.

        Args:
            layer (str): Name of the layer in the segmentor, for example
                ``decode_head.project``.

        Yields:
            list[Tensor]: The outputs so far.

        Raises:
            ValueError: The network has no such layer.
        """
        try:
            module = self.get_submodule(layer)
        except AttributeError as error:
            raise ValueError(
                f'{type(self).__name__} has no layer {layer!r} ({error}). '
                'Name one of `dict(model.named_modules())`.'
            ) from error
        outputs: list[Tensor] = []
        handle = module.register_forward_hook(
            lambda module, args, output: outputs.append(output)
        )
        try:
            yield outputs
        finally:
            handle.remove()

    def pseudo_label(self, stream: PartnerStream) -> PseudoLabel:
        """Predict pseudo-labels for a stream's weak view in eval mode."""
        with self.eval_no_grad():
            return PseudoLabel.from_logits(self.logits(stream['weak']), stream['valid'])

    @property
    def labeler(self) -> 'SemiSegmentor':
        """The network whose pseudo-labels this one learns: an EMA teacher, or itself.

        Raises:
            RuntimeError: No hook lends the teacher.
        """
        if self.guidance is not None and self.guidance.source == 'ema':
            return self.guidance.teacher
        return self

    @property
    def label_thresh(self) -> float | Tensor:
        """Least confidence of the pixels that it learns, 0 if it learns all."""
        return getattr(self, 'conf_thresh', 0.0)

    def kept_labels(self, stream: PartnerStream) -> tuple[PseudoLabel, Tensor]:
        """Predict the pseudo-labels of the method, and what it keeps of them.

        For whoever watches a training: :meth:`loss` computes its own.  Nothing
        is drawn and nothing changes.

        Args:
            stream (PartnerStream): Unlabeled images; ``weak`` and ``valid``.

        Returns:
            tuple[PseudoLabel, Tensor]: Of the weak view, and the valid pixels
            with ``conf >= label_thresh``, bool (B, H, W).
        """
        label = self.labeler.pseudo_label(stream)
        return label, label.valid & (label.conf >= self.label_thresh)

    @torch.no_grad()
    def teacher_logits(
        self, u: PartnerStream, m: PartnerStream | None
    ) -> tuple[Tensor, Tensor]:
        """Compute the EMA teacher's logits of weak views, in one forward.

        Args:
            u (PartnerStream): Unlabeled images.
            m (PartnerStream, optional): Their partners, if not ``u`` itself.

        Returns:
            tuple[Tensor, Tensor]: Of the unlabeled images and of their
            partners, (B, C, H, W) each.

        Raises:
            RuntimeError: No hook lends a teacher.
        """
        assert self.guidance is not None
        weak = torch.cat([u['weak'], m['weak']]) if m else u['weak']
        logits = self.guidance.teacher.logits(weak)
        own = logits[: len(u['weak'])]
        return own, logits[len(own) :] if m else own

    def teacher_labels(
        self, u: PartnerStream, m: PartnerStream | None
    ) -> tuple[PseudoLabel, PseudoLabel]:
        """Predict pseudo-labels with the EMA teacher, as :meth:`teacher_logits`."""
        logits, logits_m = self.teacher_logits(u, m)
        own = PseudoLabel.from_logits(logits, u['valid'])
        return own, PseudoLabel.from_logits(logits_m, m['valid']) if m else own
