"""The method configs over a user's own data, as text."""

import os.path as osp
from pathlib import Path
from typing import NamedTuple

from mmsemi.datasets.self_training_dataset import repetitions, smallest_epoch

from .classes import ClassTable
from .dataset_config import Images, tidy

METHODS = dict(
    supervised='Supervised',
    fixmatch='FixMatch',
    unimatch='UniMatch',
    rankmatch='RankMatch',
    corrmatch='CorrMatch',
    prevmatch='PrevMatch',
    st='Supervised',
    stpp='Supervised',
)
SHARES = dict(st=(1,), stpp=(0.5, 1))  # the rounds of self-training
BACKBONES = dict(
    tiny=None,  # a thin ResNet-18, for which there are no weights
    r50='pretrained/resnet50.pth',
    r101='pretrained/resnet101.pth',
)
STEPS = 20000  # of a whole training, about
FIRST_STEPS = 2000  # of self-training's first one, at least

TTA = """\
tta_pipeline = [  # `tools/test.py --tta`
    {{_base_.load_image}},
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='Resize', scale_factor=r, keep_ratio=True)
            for r in (0.5, 0.75, 1.0, 1.5, 2.0)
        ], [
            dict(type='RandomFlip', prob=p, direction='horizontal')
            for p in (0., 1.)
        ], [{{_base_.load_mask}}], [dict(type='PackSegInputs')]])
]"""

METHOD = """\
# python tools/train.py {path}
_base_ = [
    '{base}/models/{network}_r101.py', './_base_/dataset.py',
    '{base}/schedules/sgd_poly.py', '{base}/default_runtime.py'
]

model = dict(type={method!r}, {model})
{rest}train_cfg = dict(max_epochs={epochs}, val_interval={interval})
default_hooks = dict(checkpoint=dict(interval={interval}))
"""


class Counts(NamedTuple):
    """How much a training set is.

    Attributes:
        labeled (int): Labeled images.
        unlabeled (int): Unlabeled images.
        batch (int): Samples of a step, a labeled and an unlabeled image each.
    """

    labeled: int
    unlabeled: int
    batch: int


def method_text(
    path: Path,
    configs: Path,
    method: str,
    backbone: str,
    pretrained: str | None,
    table: ClassTable,
    images: Images,
    counts: Counts,
) -> str:
    """The config to train by.

    Args:
        path (Path): Where it will stand.
        configs (Path): The project's ``configs``.
        pretrained (str, optional): File of weights; without it the backbone
            learns from random ones, as fast as the rest.
        counts (Counts): For the length of the training.
    """
    base, name = configs / '_base_', path
    if configs.parent in path.parents:
        base = Path(osp.relpath(base, path.parent))
        name = path.relative_to(configs.parent)
    model = []
    if method in ('fixmatch', 'unimatch', 'rankmatch', 'prevmatch'):
        model.append('conf_thresh=0.95')
    if method == 'rankmatch':
        positions = ((images.crop - 1) // 16 + 1) ** 2
        model.append(f'loss_rank=dict(num_landmarks={min(64, positions)})')
    if method == 'corrmatch' and backbone == 'tiny':
        model.append('correlation=dict(in_channels=256, channels=64)')
    if images.mean:
        model.append(
            f'data_preprocessor=dict(mean={images.mean}, '
            f'std={images.std}, bgr_to_rgb=False)'
        )
    options = ', '.join(_backbone(backbone, pretrained, images))
    model.append(f'backbone=dict({options})')
    head = [f'num_classes={len(table.names)}']
    if backbone == 'tiny':
        head += [
            'in_channels=256',
            'channels=64',
            'c1_in_channels=32',
            'c1_channels=16',
        ]
    model.append(f'decode_head=dict({", ".join(head)})')
    if images.large:
        stride = images.crop * 2 // 3
        model.append(
            "test_cfg=dict(mode='slide', "
            f'crop_size=({images.crop}, {images.crop}), '
            f'stride=({stride}, {stride}))'
        )
    steps = max(counts.unlabeled // counts.batch, 1)
    epochs = min(max(round(STEPS / steps), 10), 1000)
    return tidy(
        METHOD.format(
            path=name.as_posix(),
            base=base.as_posix(),
            network='corrmatch_deeplabv3plus'
            if method == 'corrmatch'
            else 'deeplabv3plus',
            method=METHODS[method],
            model=', '.join(model),
            rest=''.join(
                f'{part}\n'
                for part in _rest(method, pretrained, table, images, counts, epochs)
            ),
            epochs=epochs,
            interval=max(epochs // 20, 1),
        )
    )


def _backbone(backbone: str, pretrained: str | None, images: Images) -> list[str]:
    options = [f'depth={dict(tiny=18, r50=50, r101=101)[backbone]}']
    if backbone == 'tiny':
        options += ['base_channels=32', 'stem_channels=32']
    if images.channels != 3:
        options.append(f'in_channels={images.channels}')
    options.append(
        f'init_cfg=dict(checkpoint={pretrained!r})' if pretrained else 'init_cfg=None'
    )
    return options


def _rest(
    method: str,
    pretrained: str | None,
    table: ClassTable,
    images: Images,
    counts: Counts,
    epochs: int,
) -> list[str]:
    parts = []
    if method == 'supervised':
        parts.append('train_dataloader = dict(sampler=dict(ratio=(1, 0)))')
    if method in ('fixmatch', 'corrmatch'):
        parts.append(
            'train_dataloader = dict(\n    dataset=dict('
            'unlabeled_pipeline={{_base_.one_view_pipeline}}))'
        )
    if method == 'prevmatch':
        parts.append("custom_hooks = [dict(type='PreviousModelsHook')]")
    if method in SHARES:
        parts.append(_self_training(SHARES[method], counts, epochs))
    if not pretrained:
        parts.append(
            'optim_wrapper = dict(  # from random weights: one lr\n'
            '    optimizer=dict(lr=0.05),\n    paramwise_cfg=dict('
            'custom_keys=dict(backbone=dict(lr_mult=1))))'
        )
    if not table.plain or images.channels != 3 or images.value_range:
        parts.append(TTA)
    return parts


def _self_training(shares: tuple, counts: Counts, epochs: int) -> str:
    # As many images in a step as the other methods have, if there are.
    batch = min(
        2 * counts.batch, smallest_epoch(counts.labeled, counts.unlabeled, shares)
    )
    images = repetitions(counts.labeled, 0) * counts.labeled
    steps = max(images // batch, 1)
    first = ''
    if epochs * steps < FIRST_STEPS:  # its epochs are short
        first = f', supervised_epochs={round(FIRST_STEPS / steps)}'
    return f"""\
runner_type = 'SelfTrainingRunner'
self_training = dict(shares={shares}{first})
total_batch_size = {batch}  # of one stream, labeled and pseudo-labeled
auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    sampler=dict(ratio=(1, 0)),
    dataset=dict(type='SelfTrainingDataset',
                 unlabeled_pipeline={{{{_base_.pseudo_pipeline}}}}))"""
