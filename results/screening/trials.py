"""What is tried in the screening and is no part of mmsemi (yet)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsemi.models.methods.base import SemiSegmentor
from mmsemi.models.utils import (
    Guidance,
    PseudoLabel,
    complementary_dropout,
    confident_ce,
    cutmix,
)
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


@MODELS.register_module()
class Recipe(SemiSegmentor):
    """FixMatch with an EMA teacher, and switches for what is tried on top.

    Args:
        conf_thresh (float): Least confidence of a pseudo-label.
        rule (str): 'flat', one threshold; 'state', scaled for each class by
            (1 + c / max c) / 2, where c is the class's mean probability on
            labeled pixels; 'quantile', the ``keep`` most confident share of
            each predicted class.
        keep (float): For 'quantile', in [0, 1].
        soft (bool): The teacher's probabilities are the targets.
        weighted (bool): Class weights of ``loss_decode`` for unlabeled images.
        boxes (int): Boxes with rare classes pasted from labeled images, per
            strong view.
        labeled_boxes (int): The same into labeled images.
        unsup_weight (float): Of the unlabeled loss.
        dropout (bool): Complementary dropout (two views).
        single (bool): Labeled and strong images share a batch.
        supervised (bool): Train on labeled images alone.
        norm (str): 'valid' divides by all valid pixels, 'kept' by the kept.
        warmup (int): Steps over which the unlabeled loss rises to its weight.
        align (float): Exponent of (labeled share / kept share) of a class, by
            which its weight is multiplied; 0 leaves it out.
        scales (tuple): Sizes of the weak view that the teacher's
            probabilities are averaged over.
    """

    def __init__(
        self,
        *args,
        conf_thresh=0.95,
        rule='flat',
        keep=0.5,
        soft=False,
        weighted=False,
        boxes=0,
        labeled_boxes=0,
        unsup_weight=1.0,
        dropout=False,
        single=True,
        supervised=False,
        norm='valid',
        warmup=0,
        align=0.0,
        scales=(1,),
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh, self.rule, self.keep, self.soft = (
            conf_thresh,
            rule,
            keep,
            soft,
        )
        self.boxes, self.labeled_boxes = boxes, labeled_boxes
        self.unsup_weight, self.dropout, self.single = unsup_weight, dropout, single
        self.supervised, self.norm = supervised, norm
        ones = [1.0] * self.num_classes
        weights = self.decode_head.loss_decode.class_weight
        self.rarity = torch.as_tensor(ones if weights is None else weights)
        self.weights = self.base = self.rarity if weighted else torch.tensor(ones)
        self.register_buffer('state', torch.ones(self.num_classes), False)
        self.register_buffer('cut', torch.full((self.num_classes,), 0.5), False)
        self.warmup, self.steps, self.align = warmup, 0, align
        self.scales = scales
        self.register_buffer('truth', torch.full((self.num_classes,), 1e-3), False)
        self.register_buffer('taught', torch.full((self.num_classes,), 1e-3), False)
        if not supervised:
            self.guidance = Guidance('ema')

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step; partners are the flipped batch."""
        x, y = inputs['labeled']['weak'], inputs['labeled']['mask']
        clean = x, y
        for _ in range(self.labeled_boxes):
            x, y = self.paste(x, y, clean)[:2]
        if self.supervised:
            return dict(loss_sup=self.loss_sup(self.logits(x), y))
        u = inputs['unlabeled']
        views = len(u['strong'])
        with torch.no_grad():
            prob = sum(self.teacher_prob(u['weak'], s) for s in self.scales)
            prob = prob / len(self.scales)
        conf, label = prob.max(1)
        kept = self.kept(conf, label, u['valid'])
        count = torch.bincount(label[kept], minlength=self.num_classes)
        self.taught.lerp_(count / u['valid'].sum(), 0.05)
        count = torch.bincount(y[y != 255], minlength=self.num_classes)
        self.truth.lerp_(count / count.sum(), 0.05)
        self.weights = self.base
        if self.align:
            ratio = self.truth * self.taught.sum() / self.taught.clamp(min=1e-6)
            self.weights = self.base * ratio.clamp(0.1, 10) ** self.align
        images, targets = [], []
        for view, pastes in zip(u['strong'], u['boxes'], strict=True):
            mixed = cutmix(view, view, pastes)
            t = [cutmix(v, v, pastes) for v in (prob, label, kept, u['valid'])]
            for _ in range(self.boxes):
                mixed, new, box_list = self.paste(mixed, t[1], clean)
                known = new != 255
                for i, b in enumerate(box_list):
                    if b is None:
                        continue
                    s = (i, slice(b[0], b[1]), slice(b[2], b[3]))
                    t[2][s] = known[s]
                    t[3][s] = known[s]
                    hot = F.one_hot(
                        new[s].clamp(max=self.num_classes - 1), self.num_classes
                    )
                    t[0][(i, slice(None), *s[1:])] = hot.permute(2, 0, 1).to(prob)
                t[1] = new.masked_fill(~known, 0)
            images.append(mixed)
            targets.append(t)
        perturb = complementary_dropout if self.dropout else None
        if perturb:
            logits_x = self.logits(x)
            logits_s = self.logits(torch.cat(images), perturb=perturb)
        else:
            logits = self.logits(torch.cat([x, *images]))
            logits_x, logits_s = logits[: len(x)], logits[len(x) :]
        loss_x = self.loss_sup(logits_x, y)
        self.follow(logits_x, y)
        loss_s = (
            sum(
                self.unlabeled(part, *t)
                for part, t in zip(logits_s.chunk(views), targets, strict=True)
            )
            / views
        )
        self.steps += 1
        ramp = min(1.0, self.steps / self.warmup) if self.warmup else 1.0
        return dict(
            loss_sup=loss_x / 2,
            loss_strong=ramp * self.unsup_weight * loss_s / 2,
            mask_ratio=kept.float().mean(),
        )

    def teacher_prob(self, weak, scale):
        """Compute the teacher's probabilities with the view resized."""
        size = weak.shape[2:]
        if scale != 1:
            weak = F.interpolate(weak, scale_factor=scale, mode='bilinear')
        prob = self.guidance.teacher.logits(weak).softmax(1)
        return prob if scale == 1 else F.interpolate(prob, size=size, mode='bilinear')

    def kept(self, conf, label, valid):
        """Choose the pixels that are trained on."""
        if self.rule == 'flat':
            return (conf >= self.conf_thresh) & valid
        if self.rule == 'state':
            thresh = self.conf_thresh * (1 + self.state / self.state.max()) / 2
            return (conf >= thresh[label]) & valid
        for k in label.unique().tolist():
            values = conf[(label == k) & valid]
            if len(values):
                q = values.quantile(1 - self.keep) if len(values) < 2**24 else 0
                self.cut[k] += 0.1 * (q - self.cut[k])
        cut = self.cut.clamp(max=self.conf_thresh)
        return (conf >= cut[label]) & valid

    @torch.no_grad()
    def follow(self, logits, y):
        """Follow the probability of the truth, class by class."""
        known = y != 255
        target = y.masked_fill(~known, 0)
        prob = logits.softmax(1).gather(1, target[:, None])[:, 0]
        count = torch.bincount(target[known], minlength=self.num_classes)
        total = torch.bincount(target[known], prob[known], minlength=self.num_classes)
        rate = 0.05 * (count > 0)
        self.state += rate * (total / count.clamp(min=1) - self.state)

    def unlabeled(self, logits, prob, label, kept, valid):
        """Cross entropy with the teacher, by class weights."""
        log = logits.log_softmax(1)
        if self.soft:
            weighted = prob * self.weights[:, None, None]
            loss = -(weighted * log).sum(1)
            weight = weighted.sum(1)
        else:
            weight = self.weights[label]
            loss = -log.gather(1, label[:, None])[:, 0] * weight
        over = kept if self.norm == 'kept' else valid
        return (loss * kept).sum() / (weight * over).sum().clamp(min=1)

    def paste(self, images, masks, source):
        """Paste a box around a rare class's pixel into each image."""
        sx, sy = source
        images, masks = images.clone(), masks.clone()
        h, w = sy.shape[1:]
        known = sy[sy != 255]
        present = torch.bincount(known, minlength=self.num_classes) > 0
        chance = self.rarity * present
        where = {}
        boxes = []
        for i in range(len(images)):
            k = int(torch.multinomial(chance, 1))
            if k not in where:
                where[k] = (sy == k).nonzero()
            j, r, c = where[k][int(torch.randint(len(where[k]), (1,)))].tolist()
            if sx is images:
                j = (j + 1) % len(sx)
            hh = int(torch.randint(h // 8, h // 3, (1,)))
            ww = int(torch.randint(w // 8, w // 3, (1,)))
            b = max(r - hh, 0), min(r + hh, h), max(c - ww, 0), min(c + ww, w)
            images[i, :, b[0] : b[1], b[2] : b[3]] = sx[j, :, b[0] : b[1], b[2] : b[3]]
            masks[i, b[0] : b[1], b[2] : b[3]] = sy[j, b[0] : b[1], b[2] : b[3]]
            boxes.append(b)
        return images, masks, boxes
