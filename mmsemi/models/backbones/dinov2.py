"""DINOv2 as the released UniMatch V2 uses it."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.utils.extras import import_extra

from ..utils import cubic_matrix

try:
    from mmpretrain.models.backbones import VisionTransformer
except ImportError:  # the error is raised when a DINOv2 is built
    from torch.nn import Module as VisionTransformer

ARCHS = dict(small='dinov2-small', base='b', large='l', giant='dinov2-giant')
SIZE = 518  # of the images that the weights of Meta were trained on


@MODELS.register_module()
class DINOv2(VisionTransformer):
    """The vision transformer of DINOv2, a feature map per tapped block.

    mmpretrain's ``VisionTransformer`` with what the released network does
    differently: the final LayerNorm is applied to *every* tapped block, and
    position embeddings are interpolated by a scale factor with an offset,
    ``(rows + 0.1) / 37``, instead of to a size.  Attention is PyTorch's
    ``scaled_dot_product_attention``.

    Quirk of the released network, and the default: position embeddings are
    interpolated in float32, whatever the network's precision.

    Weights (Apache 2.0): ``dinov2_vit{s,b,l,g}14_pretrain.pth`` of Meta, those
    of mmpretrain, or a released checkpoint of UniMatch V2, read by
    ``PretrainedBackbone``.

    Paper: `DINOv2: Learning Robust Visual Features without Supervision
    <https://arxiv.org/abs/2304.07193>`_.

    Args:
        arch (str | dict): 'small', 'base', 'large' or 'giant', or the
            ``embed_dims``, ``num_layers``, ``num_heads`` and
            ``feedforward_channels`` of another one.  Defaults to 'base'.
        img_size (int): Height and width of images whose position embeddings
            are used as they are.  Defaults to 518.
        patch_size (int): Height and width of a patch in pixels.  Defaults to
            14.
        out_indices (Sequence[int], optional): Blocks to tap, from 0, in
            ascending order.  Defaults to four in even steps: (2, 5, 8, 11) of
            12, but (4, 11, 17, 23) of 24 as released.
        frozen_stages (int | str): Parts that are not trained: 'all'; ``n``,
            the embeddings and the first ``n`` blocks; or -1, none.  Defaults
            to -1.
        pos_embed_float32 (bool): Whether position embeddings are interpolated
            in float32 (released) or in the network's precision (corrected).
            Defaults to True.
        **kwargs: As in mmpretrain's ``VisionTransformer``.

    Raises:
        ImportError: mmpretrain or torchvision is not installed.
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int = SIZE,
        patch_size: int = 14,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int | str = -1,
        pos_embed_float32: bool = True,
        layer_scale_init_value: float = 1.0,
        layer_cfgs: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if VisionTransformer is torch.nn.Module:
            for module in ('torchvision', 'mmpretrain.models.backbones'):
                import_extra(module, 'DINOv2')
        if isinstance(arch, str) and arch not in ARCHS:
            raise ValueError(
                f'model.backbone.arch={arch!r} is none of {", ".join(ARCHS)}.'
            )
        if img_size % patch_size:
            raise ValueError(
                f'model.backbone.img_size={img_size} is no multiple of the patches '
                f'of {patch_size} pixels.'
            )
        if arch == 'giant':
            layer_cfgs = dict(ffn_type='swiglu_fused', **(layer_cfgs or {}))
        super().__init__(
            arch=ARCHS[arch] if isinstance(arch, str) else dict(arch),
            img_size=img_size,
            patch_size=patch_size,
            out_indices=[0],
            out_type='featmap',
            layer_scale_init_value=layer_scale_init_value,
            layer_cfgs=layer_cfgs or {},
            **kwargs,
        )
        depth = self.num_layers
        if out_indices is None:
            out_indices = [(i + 1) * depth // 4 - 1 for i in range(4)]
            if depth == 24:
                out_indices = [4, 11, 17, 23]
        if not out_indices or not all(0 <= i < depth for i in out_indices):
            raise ValueError(
                f'model.backbone.out_indices={tuple(out_indices)} must name blocks '
                f'of the {depth}: 0 to {depth - 1}.'
            )
        if sorted(set(out_indices)) != list(out_indices):
            raise ValueError(
                f'model.backbone.out_indices={tuple(out_indices)} must ascend.'
            )
        if frozen_stages != 'all' and frozen_stages not in range(-1, depth + 1):
            raise ValueError(
                f"model.backbone.frozen_stages={frozen_stages!r} is neither 'all' "
                f'nor -1 to {depth}.'
            )
        self.out_indices = tuple(out_indices)
        self.size_multiple = patch_size
        self.pos_embed_float32 = pos_embed_float32
        self.frozen_stages = depth if frozen_stages == 'all' else int(frozen_stages)
        if frozen_stages == 'all':
            self.requires_grad_(False)
        elif self.frozen_stages >= 0:
            self._freeze_stages()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the features.

        Args:
            x (Tensor): Images (B, 3, H, W); H and W are multiples of the
                patch size.

        Returns:
            tuple[Tensor, ...]: (B, C, H / patch, W / patch) for every tapped
            block, without the class token.

        Raises:
            ValueError: H or W is no multiple.
        """
        check_multiple('An image', tuple(x.shape[2:]), self.size_multiple)
        x, (rows, columns) = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1)
        x = x + self.position_embedding(rows, columns)
        outs = []
        for i, layer in enumerate(self.layers[: self.out_indices[-1] + 1]):
            x = layer(x)
            if i in self.out_indices:
                outs.append(self._format_output(self.ln1(x), (rows, columns)))
        return tuple(outs)

    def init_weights(self) -> None:
        """Initialize the weights, or load those that ``init_cfg`` names.

        mmpretrain's would draw position embeddings anew after loading any but
        MMEngine's own ``Pretrained``.
        """
        super(VisionTransformer, self).init_weights()
        if not (self.init_cfg and 'checkpoint' in self.init_cfg):
            torch.nn.init.trunc_normal_(self.pos_embed, std=0.02)
            torch.nn.init.normal_(self.cls_token, std=1e-6)

    def position_embedding(self, rows: int, columns: int) -> Tensor:
        """Interpolate the position embeddings for other images than the trained.

        Args:
            rows (int): Patches per column of the image.
            columns (int): Patches per row of the image.

        Returns:
            Tensor: (1, 1 + rows * columns, C); the first is the class token's.
        """
        height, width = self.patch_resolution
        if torch.compiler.is_exporting() or torch.jit.is_tracing():
            return self._traced_position_embedding(rows, columns)
        if rows == columns and (rows, columns) == (height, width):
            return self.pos_embed
        token, grid = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        grid = grid.transpose(1, 2).unflatten(2, (height, width))
        scaled = F.interpolate(
            grid.float() if self.pos_embed_float32 else grid,
            scale_factor=((rows + 0.1) / height, (columns + 0.1) / width),
            mode='bicubic',
        )
        scaled = scaled.flatten(2).transpose(1, 2).to(grid.dtype)
        return torch.cat([token, scaled], 1)

    def _traced_position_embedding(self, rows: int, columns: int) -> Tensor:
        """Compute the same in a graph, where both numbers are variables."""
        token, grid = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        grid = grid.unflatten(1, self.patch_resolution)
        values = grid.float() if self.pos_embed_float32 else grid
        like = dict(dtype=values.dtype, device=values.device)
        sides = list(zip((rows, columns), self.patch_resolution, strict=True))
        numbers = [torch.full((), number, **like) for number, _ in sides]
        unchanged = (numbers[0] == sides[0][1]) & (numbers[1] == sides[1][1])
        matrices = []
        for (number, size), count in zip(sides, numbers, strict=True):
            i = torch.arange(number, **like)
            scaled = (i + 0.5) * (size / (count + 0.1)) - 0.5
            matrices.append(cubic_matrix(torch.where(unchanged, i, scaled), size))
        scaled = torch.einsum('yh,xw,bhwc->byxc', *matrices, values)
        return torch.cat([token, scaled.flatten(1, 2).to(grid.dtype)], 1)

    def train(self, mode: bool = True) -> 'DINOv2':
        """Set the mode; unlike mmpretrain's, return the network."""
        super().train(mode)
        return self


def check_multiple(name: str, size: Sequence[int], multiple: int) -> None:
    """Check that a height and a width are multiples of a number of pixels.

    Raises:
        ValueError: They are not; the nearest sizes that are, are named.
    """
    if any(side % multiple for side in size):
        near = ' or '.join(
            str(tuple(max(round_to(side), 1) * multiple for side in size))
            for round_to in (
                lambda side: side // multiple,
                lambda side: -(-side // multiple),
            )
        )
        raise ValueError(
            f'{name} of {tuple(size)} pixels does not divide into the patches of '
            f'{multiple}x{multiple} pixels that the backbone takes: use {near}.'
        )
