"""The published settings of UniMatch V2: its own methods, on DINOv2."""

from config_table import PASCAL_LISTS, Backbone, Setting, parts
from mmsemi.preparation.methods import Method


def dinov2(size: str, width: int, channels: int, levels: tuple[int, ...]) -> Backbone:
    """Return what an encoder changes in the recipes of DINOv2 base."""
    lines = f"""\
model = dict(
    backbone=dict(
        arch='{size}',
        init_cfg=dict(
            checkpoint='pretrained/dinov2_vit{size[0]}14_pretrain.pth')),
    decode_head=dict(
        in_channels=[{width}] * 4,
        channels={channels},
        level_channels={levels}))
"""
    return Backbone(lines, '_dinov2-b')


TEACHER = "dict(type='EMATeacherHook', evaluate=True)"
V2_METHODS = dict(
    supervised_v2=Method(
        "type='Supervised'",
        ratio='(1, 0), num_samples=$num_samples',
        published="""\
total_batch_size = $labeled  # labeled images; twice as many as with unlabeled ones
auto_scale_lr = dict(base_batch_size=$labeled)
""",
    ),
    fixmatch_v2=Method(
        "type='FixMatch', conf_thresh=0.95, guidance='ema'",
        pipeline='one_view_pipeline',
        hook=TEACHER,
    ),
    unimatch_v2=Method("type='UniMatchV2', conf_thresh=0.95", hook=TEACHER),
)
DINOV2 = {
    '_dinov2-s': dinov2('small', 384, 64, (48, 96, 192, 384)),
    '_dinov2-b': Backbone(),
    '_dinov2-l': dinov2('large', 1024, 256, (256, 512, 1024, 1024)),
}
SIZES = tuple(DINOV2)
V2_SETTINGS = (
    Setting(
        'pascal', 'pascal', PASCAL_LISTS, SIZES, dict(num_samples='3000', labeled='32')
    ),
    Setting(
        'cityscapes',
        'cityscapes',
        parts(30, 16, 8, 4, 2),
        SIZES,
        dict(num_samples='3000', labeled='16'),
    ),
    Setting(
        'coco',
        'coco',
        parts(512, 256, 128, 64, 32),
        SIZES,
        dict(num_samples='30000', labeled='32'),
    ),
    # Its own lists, of which 1/32 has 631 images.
    Setting(
        'ade20k',
        'ade20k',
        parts(64, 32, 16, 8, 4, 2, path='v2_1_{}.txt'),
        SIZES,
        dict(num_samples='6000', labeled='16'),
    ),
)
