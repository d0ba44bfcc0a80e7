"""The networks for a user's own data, as lines of a config."""

from typing import NamedTuple

from .dataset_config import Images
from .start import Start

DEPTHS = dict(tiny=18, r50=50, r101=101)
DINOV2 = {  # width of the encoder; arguments of the head
    'dinov2-s': (384, 'channels=64,\n        level_channels=(48, 96, 192, 384)'),
    'dinov2-b': (768, 'channels=128,\n        level_channels=(96, 192, 384, 768)'),
}
PATCH = 14
# From random weights, backbone and head learn at one rate.
ONE_LR = """\
optim_wrapper = dict(  # from random weights: one lr
    optimizer=dict(lr={lr}),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))
"""
# Small networks learn more from AdamW in few steps.
ADAMW = """\
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='AdamW', lr={lr}, weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult={mult}))))
auto_scale_lr = dict(base_batch_size={batch})
"""


class Network(NamedTuple):
    """A network in a config.

    Attributes:
        base (str): Its file in ``configs/_base_/models``.
        schedule (str): The file of its optimizer in ``configs/_base_/schedules``.
        model (list[str]): Arguments of ``model`` other than the head.
        head (str): Arguments of the head; '' for those of ``base``.
        lines (str): Settings beside ``model``.
    """

    base: str
    schedule: str
    model: list[str]
    head: str
    lines: str


def network(
    start: Start, prefix: str, method: str, images: Images, batch: int
) -> Network:
    """Return the network of a method.

    Args:
        start (Start): Backbone and weights.
        prefix (str): As :attr:`mmsemi.preparation.methods.Method.network`.
        method (str): A row of :data:`mmsemi.preparation.methods.METHODS`.
        images (Images): Crop, channels and normalisation.
        batch (int): Samples of an update, for which learning rates are given.
    """
    if start.backbone in DINOV2:
        return _dinov2(start.backbone, method, start.pretrained, images)
    if start.backbone == 'lite0':
        return _lite0(method, start.pretrained, images, batch)
    return _resnet(start.backbone, prefix, method, start.pretrained, images, batch)


def _lite0(method: str, pretrained: str | None, images: Images, batch: int) -> Network:
    model, options = _rank(method, images, 32), []
    if method == 'corrmatch':  # its propagation needs a finer map
        model.append('thresh_init=0.85')
        model.append('correlation=dict(in_channels=320, channels=64)')
        options.append('output_stride=16')
    model.append(_backbone(options, pretrained, images))
    if images.large:
        model.append("test_cfg=dict(mode='slide')")
    return Network(
        'models/deeplabv3plus_lite0.py',
        'schedules/sgd_poly.py',
        model,
        '',
        ADAMW.format(lr='1e-3', mult=0.2 if pretrained else 1, batch=batch),
    )


def _rank(method: str, images: Images, stride: int) -> list[str]:
    """Return what RankMatch needs: no more landmarks than there are positions."""
    positions = ((images.crop - 1) // stride + 1) ** 2
    if method != 'rankmatch':
        return []
    return [f'loss_rank=dict(num_landmarks={min(64, positions)})']


def _resnet(
    backbone: str,
    prefix: str,
    method: str,
    pretrained: str | None,
    images: Images,
    batch: int,
) -> Network:
    model = _rank(method, images, 16)
    if method == 'corrmatch' and backbone == 'tiny':
        model.append('correlation=dict(in_channels=256, channels=64)')
    options = [f'depth={DEPTHS[backbone]}']
    head, lines = '', '' if pretrained else ONE_LR.format(lr=0.05)
    if 'v1c' in (pretrained or ''):  # OpenMMLab's stem is half as wide
        options.append('stem_channels=64')
    if backbone == 'tiny':
        lines = ADAMW.format(lr='2e-3', mult=1, batch=batch)
        options += ['base_channels=32', 'stem_channels=32']
        head = (
            'in_channels=256, channels=64,\n        c1_in_channels=32, c1_channels=16'
        )
    model.append(_backbone(options, pretrained, images))
    if images.large:
        model.append("test_cfg=dict(mode='slide')")
    return Network(
        f'models/{prefix}deeplabv3plus_r101.py',
        'schedules/sgd_poly.py',
        model,
        head,
        lines,
    )


def _dinov2(
    backbone: str, method: str, pretrained: str | None, images: Images
) -> Network:
    width, head = DINOV2[backbone]
    model = []
    if method == 'rankmatch':
        model.append("rank_layer='decode_head.output'")
    if method == 'corrmatch':
        model.append(f'correlation=dict(in_channels={width})')
    arch = dict(s='small', b='base')[backbone[-1]]
    model.append(_backbone([f"arch='{arch}'"], pretrained, images))
    if images.large:  # windows are multiples of a patch, too
        model.append("test_cfg=dict(_delete_=True, mode='slide')")
    side = max(round(images.crop / PATCH), 3) * PATCH
    lines = f'crop_size = {side}  # a multiple of the patch, {PATCH}\n'
    lines += '' if pretrained else ONE_LR.format(lr='2e-4')
    return Network(
        'models/dinov2-b_dpt.py',
        'schedules/unimatch_v2.py',
        model,
        f'in_channels=[{width}] * 4, {head}',
        lines,
    )


def _backbone(options: list[str], pretrained: str | None, images: Images) -> str:
    if images.channels != 3:
        options.append(f'in_channels={images.channels}')
    options.append(
        f'init_cfg=dict(checkpoint={pretrained!r})' if pretrained else 'init_cfg=None'
    )
    return f'backbone=dict(\n        {", ".join(options)})'
