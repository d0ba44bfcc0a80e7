"""Xception-65 as the released semi-supervised trainers build it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmengine.model import BaseModule
from torch import Tensor

from mmsemi.registry import MODELS


class XceptionBlock(BaseModule):
    """Three separable convolutions with a shortcut around them.

    Args:
        in_channels (int): Channels of the input.
        channels (Sequence[int]): Output channels of the three convolutions.
        stride (int): Stride of the third convolution and of the shortcut.
        skip (bool): Whether the shortcut is a 1x1 convolution.
        raw_residual (bool): See :class:`Xception65`.
        norm_cfg (dict): Config of the normalization layers.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        stride: int,
        skip: bool,
        raw_residual: bool,
        norm_cfg: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.raw_residual = raw_residual
        width1, width2, width3 = channels
        cfg: dict[str, Any] = dict(norm_cfg=norm_cfg, act_cfg=None)
        self.skip = None
        if skip:
            self.skip = ConvModule(in_channels, width3, 1, stride=stride, **cfg)
        cfg.update(kernel_size=3, padding=1)
        self.sepconv1 = DepthwiseSeparableConvModule(in_channels, width1, **cfg)
        self.sepconv2 = DepthwiseSeparableConvModule(width1, width2, **cfg)
        self.sepconv3 = DepthwiseSeparableConvModule(
            width2, width3, stride=stride, **cfg
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the output of the block.

        Args:
            x (Tensor): (B, in_channels, h, w), before any ReLU.

        Returns:
            tuple[Tensor, Tensor]: The output of the block, and that of its
            second convolution, from which the low-level features are taken;
            (B, C_i, h_i, w_i) each.
        """
        out = F.relu(x)
        if self.skip is not None:
            residual = self.skip(x)
        else:
            residual = x if self.raw_residual else out
        middle = self.sepconv2(F.relu(self.sepconv1(out)))
        return residual + self.sepconv3(F.relu(middle)), middle


@MODELS.register_module()
class Xception65(BaseModule):
    """Xception with 65 layers, modified for segmentation.

    The network consists of two convolutions; blocks 1-3 with stride 2, blocks
    4-19 with 728 channels, and block 20; and three separable convolutions.
    The output stride is 16, without dilation.  A separable convolution
    normalizes after its depthwise and after its pointwise part.  Inside the
    blocks a ReLU comes before each separable convolution; after the blocks,
    one follows each of the two parts.

    Quirk of the released network, and the default: a block applies its first
    ReLU in place, so the shortcut around blocks 4-19 carries the *rectified*
    input.  Blocks whose shortcut is a 1x1 convolution apply it to the input
    itself.

    Paper: `Encoder-Decoder with Atrous Separable Convolution for Semantic
    Image Segmentation <https://arxiv.org/abs/1802.02611>`_ (section 3.2).

    Args:
        raw_residual (bool): Whether the shortcut around blocks 4-19 carries
            the input itself (corrected).  Weights trained with the quirk do
            not fit.  Defaults to False.
        norm_cfg (dict): Config of the normalization layers.  Defaults to
            BatchNorm with momentum 3e-4.
        init_cfg (dict, optional): Initialization, see
            :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        raw_residual: bool = False,
        norm_cfg: Mapping[str, Any] = dict(type='BN', momentum=3e-4),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.conv1 = ConvModule(3, 32, 3, stride=2, padding=1, norm_cfg=norm_cfg)
        self.conv2 = ConvModule(32, 64, 3, padding=1, norm_cfg=norm_cfg)

        widths = [(128,) * 3, (256,) * 3, *[(728,) * 3] * 17, (728, 1024, 1024)]
        self.num_blocks = len(widths)
        in_channels = 64
        for i, width in enumerate(widths, 1):
            block = XceptionBlock(
                in_channels,
                width,
                stride=2 if i <= 3 else 1,
                skip=i <= 3 or i == self.num_blocks,
                raw_residual=raw_residual,
                norm_cfg=norm_cfg,
            )
            self.add_module(f'block{i}', block)
            in_channels = width[-1]

        for i, channels in enumerate((1536, 1536, 2048), 3):
            conv = DepthwiseSeparableConvModule(
                in_channels, channels, 3, padding=1, norm_cfg=norm_cfg
            )
            self.add_module(f'conv{i}', conv)
            in_channels = channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the low-level and the high-level features.

        Args:
            x (Tensor): Images, (B, 3, H, W).

        Returns:
            tuple[Tensor, Tensor]: The output of block 2's second convolution,
            (B, 256, H/4, W/4), before any ReLU, and that of the last layer,
            (B, 2048, H/16, W/16); sizes are rounded up.
        """
        x = self.conv2(self.conv1(x))
        for i in range(1, self.num_blocks + 1):
            x, middle = self.get_submodule(f'block{i}')(x)
            if i == 2:
                low = middle
        return low, self.conv5(self.conv4(self.conv3(x)))
