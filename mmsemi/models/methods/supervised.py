"""Supervised training on the labeled images alone."""

from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import Streams

from .base import SemiSegmentor


@MODELS.register_module()
class Supervised(SemiSegmentor):
    """Train on the labeled images: the baseline of every method.

    L = L_x, the supervised term on the labeled images.  Takes the arguments
    of :class:`SemiSegmentor`.
    """

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (Streams): ``labeled``; other streams are ignored.
            data_samples (list, optional): Unused, as in every method.

        Returns:
            dict[str, Tensor]: ``loss_sup``.
        """
        labeled = inputs['labeled']
        x, y = labeled['weak'], labeled['mask']
        return dict(loss_sup=self.loss_sup(self.logits(x), y))
