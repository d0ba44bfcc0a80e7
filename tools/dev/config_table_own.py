"""Methods with published settings of their own, and UniMatch V2's baselines."""

from config_table import (
    CITYSCAPES,
    PASCAL_LISTS,
    R50,
    SETTINGS,
    VALUES,
    Backbone,
    Setting,
    parts,
)
from mmsemi.preparation.methods import METHODS, Method


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


V2_METHODS = dict(
    supervised_v2=Method(
        "type='Supervised'",
        sampler='ratio=(1, 0), num_samples=$num_samples',
        published="""\
total_batch_size = $labeled  # labeled images; twice as many as with unlabeled ones
auto_scale_lr = dict(base_batch_size=$labeled)
""",
    ),
    fixmatch_v2=Method(
        "type='FixMatch', conf_thresh=0.95, guidance='ema'",
        pipeline='one_view_pipeline',
        hook=METHODS['unimatch_v2'].hook,
    ),
    unimatch_v2=METHODS['unimatch_v2']._replace(sampler=''),  # set by the recipes
)
DINOV2 = {
    '_dinov2-s': dinov2('small', 384, 64, (48, 96, 192, 384)),
    '_dinov2-b': Backbone(),
    '_dinov2-l': dinov2('large', 1024, 256, (256, 512, 1024, 1024)),
    '_dinov2-g': dinov2('giant', 1536, 384, (1536, 1536, 1536, 1536)),
}
SIZES = ('_dinov2-s', '_dinov2-b', '_dinov2-l')


def v2_values(num_samples: int, labeled: int) -> dict[str, str]:
    """Return the supervised baseline's epoch and its labeled images in a step."""
    return dict(VALUES, num_samples=str(num_samples), labeled=str(labeled))


V2 = dict(
    pascal=v2_values(3000, 32),
    cityscapes=v2_values(3000, 16),
    coco=v2_values(30000, 32),
    ade20k=v2_values(6000, 16),
)
V2_LISTS = dict(
    pascal=PASCAL_LISTS,
    cityscapes=parts(30, 16, 8, 4, 2),
    coco=parts(512, 256, 128, 64, 32),
    # Its own lists, of which 1/32 has 631 images.
    ade20k=parts(64, 32, 16, 8, 4, 2, path='v2_1_{}.txt'),
)
V2_SETTINGS = (
    *(Setting(data, data, V2_LISTS[data], SIZES, V2[data]) for data in V2),
    # Without a published score.
    Setting('pascal', 'pascal', {'1-8': '183.txt'}, ('_dinov2-g',), V2['pascal']),
)
# Every label: of Cityscapes with its 19998 coarsely labeled images as unlabeled ones.
ALL = (
    Setting(
        'cityscapes',
        'cityscapes',
        {'all': 'train.txt'},
        SIZES,
        V2['cityscapes'],
        dataset=("unlabeled_list='splits/train_extra.txt'",),
    ),
)
SUPERVISED_ALL = tuple(
    Setting(
        data,
        data,
        {'all': f'{train}.txt'},
        SIZES,
        # Whole lists, but Cityscapes' 2975 images repeated to 3000.
        v2_values(max(images, int(V2[data]['num_samples'])), int(V2[data]['labeled'])),
        f'train_cfg = dict(max_epochs={epochs})\n',
        ('train_list=None',),
    )
    for data, train, images, epochs in (
        ('pascal', 'train_aug', 10582, 60),
        ('cityscapes', 'train', 2975, 360),
        ('coco', 'train', 118287, 40),
        ('ade20k', 'train', 20210, 120),
    )
)

U2PL_LISTS = parts(16, 8, 4, path='u2pl_1_{}.txt')
OWN_SETTINGS = {
    'supervised_v2': (*V2_SETTINGS, *SUPERVISED_ALL),
    'fixmatch_v2': V2_SETTINGS,
    'unimatch_v2': (*V2_SETTINGS, *ALL),
    'meanteacher': (
        Setting('pascal', 'pascal', PASCAL_LISTS, ('',), VALUES),
        Setting('pascal-blended', 'pascal', parts(16, 8, 4), ('',), VALUES),
        Setting('cityscapes', 'cityscapes', parts(30, 8, 4), ('',), CITYSCAPES),
    ),
    'augseg': (
        Setting('pascal', 'pascal', PASCAL_LISTS, R50, VALUES),
        Setting('pascal-blended', 'pascal', parts(16, 8, 4), R50, VALUES),
        Setting('pascal-u2pl', 'pascal', U2PL_LISTS, R50, VALUES),
        Setting('cityscapes', 'cityscapes', parts(16, 8, 4, 2), R50, CITYSCAPES),
    ),
    # On the networks that it was tried on, and the small one of every data set.
    'balancedmatch': tuple(
        setting for setting in SETTINGS if {'_r18', '_lite0'} & {*setting.suffixes}
    ),
    # The fewer unlabeled images, the more epochs: about as many steps in each split.
    'cps': tuple(
        Setting(
            name, data, parts(share), R50, VALUES, f'train_cfg = dict(max_epochs={n})\n'
        )
        for name, data, epochs in (
            ('pascal-blended', 'pascal', {16: 32, 8: 34, 4: 40}),
            ('cityscapes', 'cityscapes', {16: 128, 8: 137, 4: 160, 2: 240}),
        )
        for share, n in epochs.items()
    ),
}
