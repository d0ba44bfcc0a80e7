"""Mean Teacher with CutMix, known as CutMix-Seg."""

from typing import Any

from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from ..losses import squared_distance
from ..utils import Guidance, cutmix
from .base import SemiSegmentor


@MODELS.register_module()
class MeanTeacher(SemiSegmentor):
    """Consistency with an EMA teacher on CutMixed images.

    L = L_x + w L_c, where L_c is the squared distance between the network's
    probabilities of the mixed strong views and the mixed probabilities of the
    teacher for the weak views: soft targets of every pixel.  Needs
    :class:`mmsemi.engine.EMATeacherHook`, as published with
    ``max_decay=0.99, warmup=False``.

    Papers: `Mean teachers are better role models
    <https://arxiv.org/abs/1703.01780>`_; for segmentation and with CutMix
    `Semi-supervised semantic segmentation needs strong, varied perturbations
    <https://arxiv.org/abs/1906.01916>`_, equation 1.

    Paper against code: the paper masks pixels whose confidence is below the
    threshold; the released code, followed by default, multiplies the loss of
    all pixels with the *share* of confident pixels in the batch, padding
    included (``conf_per_pixel=True`` is the paper's).  L_c is a mean over all
    pixels; padding counts as 0.  The released teacher runs in train mode with
    frozen BatchNorm, which is the eval mode here.

    Args:
        conf_thresh (float): Confidence that counts, in [0, 1].  Defaults to
            0.97.
        cons_weight (float): w, 0 or more.  Defaults to 1.0.
        conf_per_pixel (bool): Weigh each pixel with its own confidence.
            Defaults to False.
        **kwargs: As in :class:`SemiSegmentor`.
    """

    num_views = 1

    def __init__(
        self,
        *args: Any,
        conf_thresh: float = 0.97,
        cons_weight: float = 1.0,
        conf_per_pixel: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.conf_thresh = conf_thresh
        self.cons_weight = cons_weight
        self.conf_per_pixel = conf_per_pixel
        self.guidance = Guidance('ema')

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): As in :meth:`FixMatch.loss`.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup`` and ``loss_cons``, which sum to L,
            and ``mask_ratio``, the share of confident pixels.

        Raises:
            RuntimeError: No hook lends the teacher.
        """
        labeled, u, m = inputs['labeled'], inputs['unlabeled'], inputs.get('partner')
        x, y = labeled['weak'], labeled['mask']
        s, box = u['strong'][0], u['boxes'][0]
        partner = m or u  # without partners, u is mixed with itself

        # (1) The teacher's probabilities, mixed, and their confidence.
        logits_u, logits_m = self.teacher_logits(u, m)
        prob = logits_u.softmax(1)
        target = cutmix(prob, logits_m.softmax(1) if m else prob, box)
        del logits_u, logits_m, prob
        valid = cutmix(u['valid'], partner['valid'], box)
        confident = (target.amax(1) >= self.conf_thresh).to(target.dtype)
        weight = confident if self.conf_per_pixel else confident.mean()

        # (2) Labeled images, in a batch of their own.
        loss_x = self.loss_sup(self.logits(x), y)

        # (3) The mixed strong views.
        logits = self.logits(cutmix(s, partner['strong'][0], box))
        loss_c = (squared_distance(logits, target) * valid * weight).mean()
        return dict(
            loss_sup=loss_x,
            loss_cons=self.cons_weight * loss_c,
            mask_ratio=confident.mean(),
        )
