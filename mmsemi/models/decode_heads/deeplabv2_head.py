"""DeepLabV2's head."""

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Classifiers of several dilations, summed, and nothing else.

    Paper: `DeepLab: Semantic Image Segmentation with Deep Convolutional
    Nets, Atrous Convolution, and Fully Connected CRFs
    <https://arxiv.org/abs/1606.00915>`_.

    Args:
        in_channels (int): Channels of the input.
        dilations (Sequence[int]): One 3x3 convolution each.  Defaults to
            (6, 12, 18, 24).
        **kwargs: As in ``BaseDecodeHead``, without ``channels`` and
            ``dropout_ratio``.
    """

    def __init__(
        self, in_channels: int, dilations: Sequence[int] = (6, 12, 18, 24), **kwargs
    ) -> None:
        super().__init__(in_channels, in_channels, dropout_ratio=0, **kwargs)
        self.conv_seg = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=d, dilation=d)
            for d in dilations
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Logits at the resolution of the input.

        Args:
            inputs (tuple[Tensor]): Levels of the backbone, each
                (B, C_i, h_i, w_i).

        Returns:
            Tensor: (B, num_classes, h, w).
        """
        x = self._transform_inputs(inputs)
        return sum(conv(x) for conv in self.conv_seg)
