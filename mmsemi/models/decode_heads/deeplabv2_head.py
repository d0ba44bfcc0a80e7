"""DeepLabV2's head."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Sum of classifiers with different dilations on the same features.

    Paper: `DeepLab: Semantic Image Segmentation with Deep Convolutional
    Nets, Atrous Convolution, and Fully Connected CRFs
    <https://arxiv.org/abs/1606.00915>`_.

    Args:
        in_channels (int): Channels of the input.
        dilations (Sequence[int]): Dilation of each 3x3 classifier.  Defaults
            to (6, 12, 18, 24).
        **kwargs: Arguments of ``BaseDecodeHead`` other than ``channels`` and
            ``dropout_ratio``.
    """

    def __init__(
        self,
        in_channels: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        **kwargs: Any,
    ) -> None:
        super().__init__(in_channels, in_channels, dropout_ratio=0, **kwargs)
        self.conv_seg = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=d, dilation=d)
            for d in dilations
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Compute the logits at the resolution of the features.

        Args:
            inputs (tuple[Tensor, ...]): Features of the backbone's levels,
                (B, C_i, h_i, w_i) each; ``in_index`` selects one.

        Returns:
            Tensor: Logits, (B, num_classes, h, w).
        """
        x = self._transform_inputs(inputs)
        return sum(conv(x) for conv in self.conv_seg)
