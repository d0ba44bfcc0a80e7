"""The networks for a user's own data, as lines of a config."""

from typing import NamedTuple

from .dataset_config import Images

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
    backbone: str, prefix: str, method: str, pretrained: str | None, images: Images
) -> Network:
    """Return the network of a method.

    Args:
        backbone (str): A row of :data:`mmsemi.preparation.methods.BACKBONES`.
        prefix (str): As :attr:`mmsemi.preparation.methods.Method.network`.
        method (str): A row of :data:`mmsemi.preparation.methods.METHODS`.
        pretrained (str, optional): File or address of weights; without it the
            backbone starts from random weights.
        images (Images): Crop, channels and normalisation.
    """
    if backbone in DINOV2:
        return _dinov2(backbone, method, pretrained, images)
    return _resnet(backbone, prefix, method, pretrained, images)


def _resnet(
    backbone: str, prefix: str, method: str, pretrained: str | None, images: Images
) -> Network:
    model = []
    if method == 'rankmatch':
        positions = ((images.crop - 1) // 16 + 1) ** 2
        model.append(f'loss_rank=dict(num_landmarks={min(64, positions)})')
    if method == 'corrmatch' and backbone == 'tiny':
        model.append('correlation=dict(in_channels=256, channels=64)')
    options = [f'depth={DEPTHS[backbone]}']
    head = ''
    if backbone == 'tiny':
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
        '' if pretrained else ONE_LR.format(lr=0.05),
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
