"""Networks and streams small enough for a test."""

import torch
from mmengine.config import ConfigDict

from mmsemi.structures import as_pastes

NORM = dict(type='BN')
RESNET = dict(
    type='ResNetV1c',
    depth=18,
    base_channels=8,
    stem_channels=8,
    out_indices=(0, 3),
    strides=(1, 2, 2, 1),
    dilations=(1, 1, 1, 2),
    norm_cfg=NORM,
)
HEAD = dict(
    in_channels=64,
    in_index=-1,
    channels=16,
    c1_in_channels=8,
    c1_channels=8,
    num_classes=4,
    dropout_ratio=0,
    norm_cfg=NORM,
    align_corners=True,
    loss_decode=dict(type='PixelCrossEntropyLoss'),
)


def dpt_head() -> dict:
    """Return UniMatch V2's head for a transformer of 32 channels."""
    return dict(
        type='NormFreeDPTHead',
        in_channels=[32] * 4,
        channels=16,
        level_channels=(8, 16, 16, 16),
        num_classes=4,
        loss_decode=dict(type='PixelCrossEntropyLoss'),
    )


def pyramid_head(*channels: int) -> dict:
    """Return SegFormer's head for a pyramid of four levels."""
    return dict(
        type='SegformerHead',
        in_channels=list(channels),
        in_index=[0, 1, 2, 3],
        channels=16,
        dropout_ratio=0,
        num_classes=4,
        norm_cfg=NORM,
        loss_decode=dict(type='PixelCrossEntropyLoss'),
    )


NETWORKS = dict(
    deeplabv3plus=dict(
        backbone=RESNET, decode_head=dict(type='DeepLabV3PlusHead', **HEAD)
    ),
    separable=dict(
        backbone=RESNET,
        decode_head=dict(type='DepthwiseSeparableASPPHead', dilations=(1, 6), **HEAD),
    ),
    dinov2=dict(
        backbone=dict(
            type='DINOv2',
            arch=dict(
                embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64
            ),
            img_size=56,
        ),
        decode_head=dpt_head(),
    ),
    segformer=dict(
        backbone=dict(
            type='MixVisionTransformer',
            embed_dims=8,
            num_layers=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
        ),
        decode_head=pyramid_head(8, 8, 8, 8),
    ),
    efficientnet_lite0=dict(
        backbone=dict(type='EfficientNetLite', out_indices=(1, 4), output_stride=16),
        decode_head=dict(
            type='DeepLabV3PlusHead',
            **{**HEAD, 'in_channels': 320, 'c1_in_channels': 24},
        ),
    ),
    timm_vit=dict(
        backbone=dict(
            type='mmpretrain.TIMMBackbone',
            model_name='vit_small_patch16_dinov3',
            embed_dim=32,
            depth=4,
            num_heads=2,
            features_only=True,
            out_indices=(0, 1, 2, 3),
        ),
        decode_head=dpt_head(),
    ),
    timm_convnext=dict(
        backbone=dict(
            type='mmpretrain.TIMMBackbone',
            model_name='convnext_tiny',
            dims=(8, 16, 32, 64),
            depths=(1, 1, 1, 1),
            features_only=True,
            out_indices=(0, 1, 2, 3),
        ),
        decode_head=pyramid_head(8, 16, 32, 64),
    ),
)

# The layer before the classifier, and the channels of the backbone's last level.
FEATURES = dict(
    deeplabv3plus=('decode_head.project', 64),
    separable=('decode_head.bottleneck', 64),
    dinov2=('decode_head.output', 32),
    segformer=('decode_head.fusion_conv', 8),
    efficientnet_lite0=('decode_head.project', 320),
    timm_vit=('decode_head.output', 32),
    timm_convnext=('decode_head.fusion_conv', 64),
)


def network(name: str = 'deeplabv3plus', **method) -> dict:
    """Return the config of a method over a tiny network."""
    return ConfigDict(
        data_preprocessor=dict(
            type='SemiDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
        ),
        test_cfg=dict(mode='whole'),
        **NETWORKS[name],
        **method,
    )


SIZE = dict(dinov2=56, timm_vit=64)  # multiples of the patch; 65 for the others


def streams(
    labeled: int = 2, unlabeled: int = 2, size: int = 65, partner: bool = True
) -> dict:
    """Build a collated batch as the loader yields it: uint8 images.

    With ``partner=False`` it is its own partner, as with ``in_batch``.
    """
    g = torch.Generator().manual_seed(0)

    def images(n):
        return torch.randint(256, (n, 3, size, size), generator=g, dtype=torch.uint8)

    partners = range(unlabeled) if partner else range(unlabeled)[::-1]

    def unlabeled_stream(n):
        valid = torch.ones(n, size, size, dtype=torch.bool)
        valid[:, :, size - 9 :] = False
        box = [5, 7, size // 2, size // 2]
        return dict(
            weak=images(n),
            strong=[images(n), images(n)],
            valid=valid,
            boxes=[as_pastes([box] * n, partners), []],
        )

    mask = torch.randint(4, (labeled, size, size), generator=g)
    mask[:, :5] = 255
    batch = dict(labeled=dict(weak=images(labeled), mask=mask.byte()))
    if unlabeled:
        batch['unlabeled'] = unlabeled_stream(unlabeled)
        if partner:
            batch['partner'] = unlabeled_stream(unlabeled)
    return batch


def without_gradient(model: torch.nn.Module) -> list[str]:
    """Return the names of the parameters that train and got no gradient."""
    return [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
