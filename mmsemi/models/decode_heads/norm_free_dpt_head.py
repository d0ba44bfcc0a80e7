"""UniMatch V2's decode head for vision transformers."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmsemi.registry import MODELS


class ResidualUnit(nn.Module):
    """x + conv(ReLU(conv(ReLU(x)))), 3x3 convolutions with bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output (B, C, h, w) of x (B, C, h, w)."""
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class Fusion(nn.Module):
    """Add a level to the path from the deeper ones, and enlarge the sum.

    Args:
        channels (int): Channels of both.
        skip (bool): Whether it has the unit that a level passes through.
    """

    def __init__(self, channels: int, skip: bool = True) -> None:
        super().__init__()
        if skip:
            self.skip = ResidualUnit(channels)
        self.body = ResidualUnit(channels)
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(
        self, path: Tensor, level: Tensor | None, size: Sequence[int]
    ) -> Tensor:
        """Compute the next part of the path.

        Args:
            path (Tensor): (B, C, h, w).
            level (Tensor, optional): (B, C, h, w).
            size (Sequence[int]): Height and width of the output.

        Returns:
            Tensor: (B, C, *size).
        """
        if level is not None:
            path = path + self.skip(level)
        path = self.body(path)
        path = F.interpolate(path, tuple(size), mode='bilinear', align_corners=True)
        return self.project(path)


@MODELS.register_module()
class NormFreeDPTHead(BaseDecodeHead):
    """Fuse four levels of a vision transformer, without any normalization.

    The levels have one size.  They are projected, resized to 4, 2, 1 and 1/2
    times it, and fused from the deepest on.  The logits have 8 times the size
    of the levels.

    mmseg's ``DPTHead`` has other normalization, biases and resizing:
    released weights do not fit it.

    Quirk of the released network, and the default: the deepest fusion has a
    unit for a level that never comes, so its weights never change.  Here they
    need no gradient.

    Papers: `Vision Transformers for Dense Prediction
    <https://arxiv.org/abs/2103.13413>`_; `UniMatch V2
    <https://arxiv.org/abs/2410.10777>`_.

    Args:
        level_channels (Sequence[int]): Channels of the four levels after
            their projection.
        unused_unit (bool): Whether the deepest fusion keeps the unit that it
            never uses (released), so that every tensor of a released
            checkpoint has its place.  Defaults to True.
        in_index (Sequence[int]): The levels among the backbone's outputs.
            Defaults to (0, 1, 2, 3).
        align_corners (bool): How logits are resized to the images.  Defaults
            to True.
        **kwargs: As in mmseg's ``BaseDecodeHead``: ``in_channels`` of the four
            levels, ``channels`` of the fused ones, ``num_classes``.

    Raises:
        ValueError: There are not four levels.
    """

    def __init__(
        self,
        level_channels: Sequence[int],
        unused_unit: bool = True,
        in_index: Sequence[int] = (0, 1, 2, 3),
        align_corners: bool = True,
        dropout_ratio: float = 0,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_index=list(in_index),
            input_transform='multiple_select',
            align_corners=align_corners,
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg,
            **kwargs,
        )
        if not len(self.in_channels) == len(level_channels) == 4:
            raise ValueError(
                f'NormFreeDPTHead fuses four levels, but model.decode_head has '
                f'in_channels={tuple(self.in_channels)} and '
                f'level_channels={tuple(level_channels)}.'
            )
        first, second, _, last = level_channels
        self.projects = nn.ModuleList(
            nn.Conv2d(inner, outer, 1)
            for inner, outer in zip(self.in_channels, level_channels, strict=True)
        )
        self.resizes = nn.ModuleList(
            [
                nn.ConvTranspose2d(first, first, 4, stride=4),
                nn.ConvTranspose2d(second, second, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(last, last, 3, stride=2, padding=1),
            ]
        )
        self.adapts = nn.ModuleList(
            nn.Conv2d(outer, self.channels, 3, padding=1, bias=False)
            for outer in level_channels
        )
        self.fusions = nn.ModuleList(
            Fusion(self.channels, skip=i < 3 or unused_unit) for i in range(4)
        )
        if unused_unit:
            self.fusions[3].skip.requires_grad_(False)
        self.output = nn.Conv2d(self.channels, self.channels, 3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the logits.

        Args:
            inputs (Sequence[Tensor]): Levels (B, C_i, h, w).

        Returns:
            Tensor: (B, classes, 8 h, 8 w).
        """
        layers = zip(self.projects, self.resizes, self.adapts, strict=True)
        levels = [
            adapt(resize(project(x)))
            for x, (project, resize, adapt) in zip(
                self._transform_inputs(inputs), layers, strict=True
            )
        ]
        sizes = [[2 * side for side in levels[0].shape[2:]]]
        sizes += [list(level.shape[2:]) for level in levels[:3]]
        path = self.fusions[3](levels[3], None, sizes[3])
        for i in (2, 1, 0):
            path = self.fusions[i](path, levels[i], sizes[i])
        return self.cls_seg(F.relu(self.output(path)))
