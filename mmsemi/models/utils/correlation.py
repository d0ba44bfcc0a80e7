"""CorrMatch's correlation block."""

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from mmseg.models.utils import resize
from torch import Tensor, nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class CorrelationBlock(BaseModule):
    """How much every position of a feature map has to do with every other.

    The features, projected and taken as queries and as keys of ``C``
    channels each, correlate as ``softmax(query^T key / sqrt(C))`` over the
    keys.  The correlation spreads the network's logits over the image, and
    its rows are what CorrMatch's regions are cut from.

    A row adds up to 1, but the logits are summed over a *column*, as in the
    released trainer: what a position receives is a weighted sum, not a mean.

    Paper: `CorrMatch: Label Propagation via Correlation Matching for
    Semi-Supervised Semantic Segmentation
    <https://arxiv.org/abs/2306.04300>`_.

    Args:
        in_channels (int): Channels of the features.
        num_classes (int): C, channels of the queries and of the keys.
        channels (int): Channels of the projection.  Defaults to 256.
        dropout_ratio (float): Share of the projection's channels dropped in
            training.  Defaults to 0.1.
        norm_cfg (dict): Config of the projection's normalisation.
        align_corners (bool): Of every resize.  Defaults to True.
        init_cfg (dict, optional): As in every mmengine module.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        channels: int = 256,
        dropout_ratio: float = 0.1,
        norm_cfg: dict = dict(type='BN'),
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
        """Spread logits by the correlation of their features.

        Args:
            feat (Tensor): (B, in_channels, h, w).
            logits (Tensor): (B, C, H, W); no gradient flows into them.

        Returns:
            tuple: The correlated logits (B, C, H, W), and the correlation
            (B, h * w, h * w), queries first.
        """
        query, key = self._query_key(feat)
        with torch.autocast(feat.device.type, enabled=False):
            corr = correlation(query, key)
            small = self._resize(logits.detach().to(corr.dtype), feat.shape[2:])
            spread = (small.flatten(2) @ corr).view_as(small)
        return self._resize(spread, logits.shape[2:]), corr

    def rows(self, feat: Tensor, index: Tensor) -> Tensor:
        """The correlation of some positions with all, without the rest.

        Args:
            feat (Tensor): (B, in_channels, h, w).
            index (Tensor): Positions in 0..h*w-1, int64 (K,).

        Returns:
            Tensor: (B, K, h, w).
        """
        query, key = self._query_key(feat)
        with torch.autocast(feat.device.type, enabled=False):
            corr = correlation(query[:, :, index], key)
        return corr.unflatten(2, feat.shape[2:])

    def _query_key(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h * w) each, in float32 at least."""
        feat = self.project(feat)
        dtype = torch.promote_types(feat.dtype, torch.float32)
        return (
            self.query(feat).flatten(2).to(dtype),
            self.key(feat).flatten(2).to(dtype),
        )

    def _resize(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return resize(
            x,
            size=size,
            mode='bilinear',
            align_corners=self.align_corners,
            warning=False,
        )


def correlation(query: Tensor, key: Tensor) -> Tensor:
    """Softmax over M keys of their scaled products with N queries.

    Args:
        query (Tensor): (B, C, N).
        key (Tensor): (B, C, M).

    Returns:
        Tensor: (B, N, M), rows summing to 1.
    """
    return (query.mT @ key).div_(query.size(1) ** 0.5).softmax(dim=2)
