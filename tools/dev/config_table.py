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
    """

    name: str
    data: str
    lists: dict[str, str]
    suffixes: tuple[str, ...]
    values: dict[str, str]
    lines: str = ''
    dataset: tuple[str, ...] = ()


class Backbone(NamedTuple):
    """What a backbone changes in the recipes of another one.

    Attributes:
        lines (str): The lines; '' if its recipes are written by hand.
        base (str): Suffix of the other backbone's recipes.
    """

    lines: str = ''
    base: str = '_r101'


def parts(*shares: int, path: str = '1_{}.txt') -> dict[str, str]:
    """Map each split ``1-SHARE`` to its labeled list."""
    return {f'1-{share}': path.format(share) for share in shares}


BACKBONES = dict(
    _r18=Backbone(),
    _lite0=Backbone(),
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
CAMVID = dict(
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
    Setting('camvid', 'camvid', parts(16, 8, 4, path=CAMVID_LISTS), R50, CAMVID),
    # A small network, for comparing the methods on a CPU.
    Setting('camvid', 'camvid', parts(8, path=CAMVID_LISTS), ('_r18',), CAMVID),
    # One that starts from ImageNet weights.
    Setting(
        'camvid', 'camvid', parts(16, 8, 4, path=CAMVID_LISTS), ('_lite0',), CAMVID
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
