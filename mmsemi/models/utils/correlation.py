"""CorrMatch's correlation block."""

from collections.abc import Mapping
from typing import Any

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.models.utils import resize
from torch import Tensor, nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class CorrelationBlock(BaseModule):
    """Correlate every position of a feature map with every other.

    The features are projected to queries and keys of ``C`` channels each; the
    correlation is ``softmax(query^T key / sqrt(C))`` over the keys.  It
    spreads the network's logits over the image, and CorrMatch's regions are
    cut from its rows.

    A row sums to 1, but as in the released trainer the logits are summed over
    a *column*: a position receives a weighted sum, not a mean.

    Paper: `CorrMatch: Label Propagation via Correlation Matching for
    Semi-Supervised Semantic Segmentation
    <https://arxiv.org/abs/2306.04300>`_.

    Args:
        in_channels (int): Channels of the features.
        num_classes (int): C, channels of the queries and keys.
        channels (int): Channels of the projection.  Defaults to 256.
        dropout_ratio (float): Share of the projection's channels dropped in
            training.  Defaults to 0.1.
        norm_cfg (dict): Config of the projection's normalization layer.
            Defaults to BatchNorm.
        align_corners (bool): For all resizing.  Defaults to True.
        init_cfg (dict, optional): Initialization, see
            :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: int = 256,
        dropout_ratio: float = 0.1,
        norm_cfg: Mapping[str, Any] = dict(type='BN'),
        align_corners: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.align_corners = align_corners
        self.project = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1),
            build_norm_layer(norm_cfg, channels)[1],
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout_ratio),
        )
        self.query = nn.Conv2d(channels, num_classes, 1)
        self.key = nn.Conv2d(channels, num_classes, 1)

    def forward(self, feat: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Spread the logits with the correlation of their features.

        Args:
            feat (Tensor): Features, (B, in_channels, h, w).
            logits (Tensor): (B, C, H, W).  No gradient flows into them.

        Returns:
            tuple[Tensor, Tensor]: The correlated logits, (B, C, H, W), and the
            correlation, (B, queries, keys), h * w of each.
        """
        query, key = self._query_key(feat)
        with torch.autocast(feat.device.type, enabled=False):
            corr = correlation(query, key)
            small = self._resize(logits.detach().to(corr.dtype), feat.shape[2:])
            spread = (small.flatten(2) @ corr).view_as(small)
        return self._resize(spread, logits.shape[2:]), corr

    def rows(self, feat: Tensor, index: Tensor) -> Tensor:
        """Compute the correlation of selected positions with all positions.

        Args:
            feat (Tensor): Features, (B, in_channels, h, w).
            index (Tensor): Selected positions in 0..h*w-1, int64 (K,).

        Returns:
            Tensor: Rows of the correlation, (B, K, h, w).
        """
        query, key = self._query_key(feat)
        with torch.autocast(feat.device.type, enabled=False):
            corr = correlation(query[:, :, index], key)
        return corr.unflatten(2, feat.shape[2:])

    def _query_key(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """Compute queries and keys, (B, C, h * w) each, in float32 or wider."""
        feat = self.project(feat)
        dtype = torch.promote_types(feat.dtype, torch.float32)
        return (
            self.query(feat).flatten(2).to(dtype),
            self.key(feat).flatten(2).to(dtype),
        )

    def _resize(self, x: Tensor, size: torch.Size) -> Tensor:
        return resize(
            x,
            size=size,
            mode='bilinear',
            align_corners=self.align_corners,
            warning=False,
        )


def correlation(query: Tensor, key: Tensor) -> Tensor:
    """Compute ``softmax(query^T key / sqrt(C))`` over the keys.

    Args:
        query (Tensor): (B, C, N).
        key (Tensor): (B, C, M).

    Returns:
        Tensor: (B, N, M); each row sums to 1.
    """
    return (query.mT @ key).div_(query.size(1) ** 0.5).softmax(dim=2)
