"""DeepLabV3+ as the released semi-supervised trainers build it."""

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.aspp_head import ASPPModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from torch import Tensor, nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class DeepLabV3PlusHead(BaseDecodeHead):
    """DeepLabV3+ with ordinary instead of separable convolutions.

    Like the released networks, it differs from mmseg's
    ``DepthwiseSeparableASPPHead``: it has no separable convolutions and a 1x1
    projection after the ASPP, and concatenates the pooled and the low-level
    features in the opposite order.  With ``align_corners=True`` and
    ``dropout_ratio=0`` it computes the released logits.

    The low-level features are the backbone's first level, the input of the
    ASPP is its level ``in_index`` (the last by default).

    Paper: `Encoder-Decoder with Atrous Separable Convolution for Semantic
    Image Segmentation <https://arxiv.org/abs/1802.02611>`_.

    Args:
        c1_in_channels (int): Channels of the low-level features.
        c1_channels (int): Channels that they are reduced to.  Defaults to 48.
        dilations (Sequence[int]): Dilations of the ASPP branches; 1 makes a
            1x1 convolution.  Defaults to (1, 6, 12, 18).
        project_dropout (float): Share of channels dropped after the
            projection; 0.5 in ST's network.  Defaults to 0.
        fuse_dropout (float): Share of single elements dropped after the
            fusion; 0.1 in ST's network.  (mmseg's ``dropout_ratio`` drops
            channels there.)  Defaults to 0.
        **kwargs: Arguments of ``BaseDecodeHead``; ``channels`` is the width of
            the branches, the projection and the fusion.
    """

    def __init__(
        self,
        c1_in_channels: int,
        c1_channels: int = 48,
        dilations: Sequence[int] = (1, 6, 12, 18),
        project_dropout: float = 0,
        fuse_dropout: float = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        cfg = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.aspp_modules = ASPPModule(
            dilations, self.in_channels, self.channels, **cfg
        )
        self.image_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            ConvModule(self.in_channels, self.channels, 1, **cfg),
        )
        self.project = ConvModule(
            (len(dilations) + 1) * self.channels, self.channels, 1, **cfg
        )
        self.c1_bottleneck = ConvModule(c1_in_channels, c1_channels, 1, **cfg)
        self.fuse = nn.Sequential(
            ConvModule(c1_channels + self.channels, self.channels, 3, padding=1, **cfg),
            ConvModule(self.channels, self.channels, 3, padding=1, **cfg),
        )
        self.project_dropout = (
            nn.Dropout2d(project_dropout) if project_dropout else nn.Identity()
        )
        self.fuse_dropout = nn.Dropout(fuse_dropout)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Compute the logits at the resolution of the low-level features.

        Args:
            inputs (tuple[Tensor, ...]): Features of the backbone's levels,
                (B, C_i, h_i, w_i) each.

        Returns:
            Tensor: Logits, (B, num_classes, h_0, w_0).
        """
        low, high = inputs[0], self._transform_inputs(inputs)
        pooled = self._resize(self.image_pool(high), high)
        high = self.project(torch.cat([*self.aspp_modules(high), pooled], dim=1))
        high = self.project_dropout(high)
        low = self.c1_bottleneck(low)
        fused = self.fuse(torch.cat([low, self._resize(high, low)], dim=1))
        return self.cls_seg(self.fuse_dropout(fused))

    def _resize(self, x: Tensor, like: Tensor) -> Tensor:
        return resize(
            x,
            size=like.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
            warning=False,
        )
