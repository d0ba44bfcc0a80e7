"""What is tried in the screening and is no part of mmsemi (yet)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsemi.models.methods.base import SemiSegmentor
from mmsemi.models.utils import Guidance, PseudoLabel, confident_ce, cutmix
from mmsemi.registry import MODELS
from mmsemi.structures import Streams


@MODELS.register_module()
class FrozenBatchNorm(nn.BatchNorm2d):
    """Normalise by the running statistics in training, too."""

    def train(self, mode: bool = True) -> 'FrozenBatchNorm':
        """Stay in eval mode."""
        return super().train(False)


@MODELS.register_module()
class Trial(SemiSegmentor):
    """UniMatch with switches; as they are by default, it is UniMatch.

    Args:
        conf_thresh (float): As in UniMatch.
        labels (str): Who labels the weak view: 'own', the network in train
            mode; 'eval', the network in eval mode; 'ema', the teacher of
            EMATeacherHook.
        views (int): Strong views, 1 or 2.
        fp (float): Weight of the term of the dropped features; 0 leaves it
            out.
        strong (float): Weight of the strong views together.
        unlabeled_weak (bool): The weak unlabeled view goes through the
            training forward even where neither labels nor ``fp`` need it.
        strong_norm (str): BatchNorm in the forward of the strong views:
            'batch', as released; 'still', by the batch, but the running
            statistics do not follow; 'running', by the running statistics.
        relative (bool): Scale the threshold of each class by its mean
            confidence, relative to that of the most confident class.
        weighted (bool): Weigh the classes in the terms of the unlabeled
            images as ``loss_decode.class_weight`` does for the labeled.
    """

    def __init__(
        self,
        *args,
        conf_thresh: float = 0.95,
        labels: str = 'own',
        views: int = 2,
        fp: float = 0.5,
        strong: float = 0.5,
        unlabeled_weak: bool = True,
        strong_norm: str = 'batch',
        relative: bool = False,
        weighted: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        assert labels in ('own', 'eval', 'ema')
        assert strong_norm in ('batch', 'still', 'running')
        assert views in (1, 2)
        self.conf_thresh = conf_thresh
        self.labels = labels
        self.views = views
        self.fp = fp
        self.strong = strong
        self.unlabeled_weak = unlabeled_weak or bool(fp) or labels == 'own'
        self.strong_norm = strong_norm
        self.relative = relative
        self.weights = None
        if weighted:
            self.weights = torch.tensor(self.decode_head.loss_decode.class_weight)
        self.register_buffer('mean_conf', torch.ones(self.num_classes), False)
        if labels == 'ema':
            self.guidance = Guidance('ema')

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step; partners are the flipped batch."""
        x, y = inputs['labeled']['weak'], inputs['labeled']['mask']
        u = inputs['unlabeled']
        own = self.pseudo_label(u) if self.labels == 'eval' else None
        if self.labels == 'ema':
            with torch.no_grad():
                (teacher,) = self.guidance.models
                own = PseudoLabel.from_logits(teacher.logits(u['weak']), u['valid'])

        weak = torch.cat([x, u['weak']]) if self.unlabeled_weak else x
        if self.fp:
            logits, dropped = self.logits_and_dropped(weak, dropped_from=len(x))
        else:
            logits = self.logits(weak)
        if own is None:
            own = PseudoLabel.from_logits(logits[len(x) :], u['valid'])
        self.follow(own)
        losses = dict(loss_sup=self.loss_sup(logits[: len(x)], y) / 2)
        if self.fp:
            losses['loss_fp'] = self.fp / 2 * self.unlabeled_ce(dropped, own)

        views = [
            cutmix(view, view, boxes)
            for view, boxes in zip(u['strong'][: self.views], u['boxes'], strict=False)
        ]
        with self.normalizing():
            logits = self.logits(torch.cat(views)).chunk(self.views)
        losses['loss_strong'] = sum(
            self.strong
            / self.views
            / 2
            * self.unlabeled_ce(view, own.cutmix(own, boxes))
            for view, boxes in zip(logits, u['boxes'], strict=False)
        )
        losses['mask_ratio'] = own.confident_share(self.conf_thresh)
        return losses

    def follow(self, own: PseudoLabel) -> None:
        """Update the mean confidence of the classes that are predicted."""
        label, conf = own.label[own.valid], own.conf[own.valid]
        count = torch.bincount(label, minlength=self.num_classes)
        total = torch.bincount(label, conf, minlength=self.num_classes)
        mean = total / count.clamp(min=1)
        rate = 0.05 * (count > 0)
        self.mean_conf += rate * (mean - self.mean_conf)

    def unlabeled_ce(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        """Cross entropy with the confident pixels, over all valid ones."""
        if not self.relative and self.weights is None:
            return confident_ce(logits, target, self.conf_thresh)
        thresh = torch.full_like(self.mean_conf, self.conf_thresh)
        if self.relative:
            thresh = thresh * self.mean_conf / self.mean_conf.max()
        weights = torch.ones_like(thresh) if self.weights is None else self.weights
        weight = weights[target.label] * target.valid
        kept = target.conf >= thresh[target.label]
        loss = F.cross_entropy(logits, target.label, reduction='none')
        return (loss * weight * kept).sum() / weight.sum().clamp(min=1)

    @contextmanager
    def normalizing(self) -> Iterator[None]:
        """Normalise as ``strong_norm`` says."""
        norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]
        training = [norm.training for norm in norms]
        momentum = [norm.momentum for norm in norms]
        for norm in norms:
            if self.strong_norm == 'running':
                norm.eval()
            elif self.strong_norm == 'still':
                norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, mode, value in zip(norms, training, momentum, strict=True):
                norm.train(mode)
                norm.momentum = value
