"""The published settings, and what the backbones change in a recipe.

``write_configs.py`` writes a config for every method, row and suffix.
"""

from typing import NamedTuple


class Setting(NamedTuple):
    """A data set with its labeled lists.

    Attributes:
        name (str): First part of the configs' names.
        data (str): The data set in the names of the recipes.
        lists (dict[str, str]): The labeled list of every split.
        suffixes (tuple[str]): Backbone, then crop; '' means ResNet-101 and the
            data set's crop.
        values (dict[str, str]): The ``$values`` of the methods' rows.
        lines (str): More lines of the configs.
        dataset (tuple[str]): More arguments of the training set.
        recipe (dict[str, str]): By prefix, more lines of the recipes that some methods
            have for themselves.
    """

    name: str
    data: str
    lists: dict[str, str]
    suffixes: tuple[str, ...]
    values: dict[str, str]
    lines: str = ''
    dataset: tuple[str, ...] = ()
    recipe: dict[str, str] = {}


class Backbone(NamedTuple):
    """What a backbone changes in the recipes of another one.

    Attributes:
        lines (str): The lines; '' if its recipes are written by hand.
        base (str): Suffix of the other backbone's recipes.
        own (dict[str, str]): By prefix, the lines of the recipes that some methods
            have for themselves, below the one that the others share.
        rows (dict[str, dict[str, str]]): By method, what differs from its row in
            the table of the methods.
    """

    lines: str = ''
    base: str = '_r101'
    own: dict[str, str] = {}
    rows: dict[str, dict[str, str]] = {}


def parts(*shares: int, path: str = '1_{}.txt') -> dict[str, str]:
    """Map each split ``1-SHARE`` to its labeled list."""
    return {f'1-{share}': path.format(share) for share in shares}


LITE0 = Backbone(
    own=dict(
        corrmatch_="""\
model = dict(
    type='CorrMatch',
    thresh_init=0.85,
    correlation=dict(in_channels=320, channels=64),
    backbone=dict(output_stride=16))  # its propagation needs a finer map
train_dataloader = dict(
    dataset=dict(unlabeled_pipeline={{_base_.one_view_pipeline}}))
""",
        st_="""\
runner_type = 'SelfTrainingRunner'
model = dict(type='Supervised')
total_batch_size = 8  # as many images as the other methods: 4 + 4
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(
        type='SelfTrainingDataset',
        unlabeled_pipeline={{_base_.pseudo_pipeline}}))
auto_scale_lr = dict(base_batch_size=8)
""",
    ),
    rows=dict(
        supervised=dict(
            published='',
            # As many images and steps as the other methods.
            sampler='ratio=(2, 0)',
        ),
        prevmatch=dict(published='$prev_interval'),
    ),
)
BACKBONES = dict(
    _r18=Backbone(),
    _lite0=LITE0,
    _r101=Backbone(),
    _r50=Backbone("""\
model = dict(
    backbone=dict(
        depth=50,
        init_cfg=dict(checkpoint='pretrained/resnet50{torchvision}.pth')))
"""),
    _xc65=Backbone("""\
model = dict(
    backbone=dict(
        _delete_=True,
        type='Xception65',
        norm_cfg=dict(type='BN', momentum=3e-4),
        init_cfg=dict(
            type='PretrainedBackbone', checkpoint='pretrained/xception.pth')),
    decode_head=dict(dilations=(1, 6, 12, 18)))  # for output stride 16
"""),
)
CROPS = dict(_513x513='crop_size = 513\n')

VALUES = dict(
    conf_thresh='0.95',
    prev_options=', prev_conf_thresh=0.9',
    prev_models=', max_models=8',
    prev_interval='',
)
CITYSCAPES = dict(
    VALUES,
    conf_thresh='0',
    prev_options=", prev_conf_thresh=0, prev_weighting='pixelavg'",
)
LARGE = dict(VALUES, prev_models=', max_models=5, base_epochs=5')
SHORT = dict(
    VALUES, prev_interval='train_cfg = dict(val_interval=1)  # each may add a model\n'
)
R50 = ('', '_r50')
PASCAL = (*R50, '_513x513', '_r50_513x513')
PASCAL_LISTS = {
    '1-16': '92.txt',
    '1-8': '183.txt',
    '1-4': '366.txt',
    '1-2': '732.txt',
    'full': '1464.txt',
}
CAMVID_LISTS = '1_{}/labeled.txt'

SETTINGS = (
    Setting('pascal', 'pascal', PASCAL_LISTS, PASCAL, VALUES),
    Setting('pascal-blended', 'pascal', parts(16, 8, 4), PASCAL, VALUES),
    Setting(
        'pascal-u2pl', 'pascal', parts(16, 8, 4, path='u2pl_1_{}.txt'), PASCAL, VALUES
    ),
    Setting('cityscapes', 'cityscapes', parts(30, 16, 8, 4, 2), R50, CITYSCAPES),
    Setting('coco', 'coco', parts(512, 256, 128, 64, 32), (*R50, '_xc65'), LARGE),
    Setting('ade20k', 'ade20k', parts(128, 64, 32, 16, 8), R50, LARGE),
    Setting('camvid', 'camvid', parts(16, 8, 4, path=CAMVID_LISTS), R50, SHORT),
    # A small network, for comparing the methods on a CPU.
    Setting('camvid', 'camvid', parts(8, path=CAMVID_LISTS), ('_r18',), SHORT),
    # One that starts from ImageNet weights, for a CPU. The first training of ST has
    # about as many steps as the trainings of the other methods (of 1/8 on CamVid).
    *(
        Setting(
            data,
            data,
            lists,
            ('_lite0',),
            SHORT,
            recipe=dict(st_=f'self_training = dict(supervised_epochs={first})\n'),
        )
        for data, lists, first in (
            ('camvid', parts(16, 8, 4, path=CAMVID_LISTS), 145),
            ('pascal', {'1-8': PASCAL_LISTS['1-8']}, 480),
            ('cityscapes', parts(8), 200),
            ('coco', parts(128), 255),
            ('ade20k', parts(32), 125),
        )
    ),
)

# PrevMatch with an EMA teacher in place of the previous models.
EMA = (
    'pascal_1-16',
    'pascal_1-16_r50',
    'cityscapes_1-16_r50',
    'coco_1-512_xc65',
    'camvid_1-8_r18',
)
EMA_LINES = """\
model = dict(guidance='ema')
custom_hooks = [dict(type='EMATeacherHook', evaluate=True)]
"""
