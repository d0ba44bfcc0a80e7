"""Training on the labeled images alone."""

from torch import Tensor

from mmsemi.registry import MODELS

from .base import SemiSegmentor, Streams


@MODELS.register_module()
class Supervised(SemiSegmentor):
    """The baseline that every method is compared with.

    L = L_x, the supervised term on the labeled images.

    Args: as in :class:`SemiSegmentor`.
    """

    def loss(
        self, inputs: Streams, data_samples: list | None = None
    ) -> dict[str, Tensor]:
        """Compute the loss of one step.

        Args:
            inputs (dict): The stream ``labeled``: ``weak`` (B, 3, S, S) and
                ``mask`` (B, S, S).  Others are not looked at.

        Returns:
            dict[str, Tensor]: ``loss_sup``.
        """
        x, y = inputs['labeled']['weak'], inputs['labeled']['mask']
        return dict(loss_sup=self.loss_sup(self.logits(x), y))
