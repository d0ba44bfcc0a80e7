"""Write the text of the method config for a user's own data."""

from pathlib import Path
from typing import NamedTuple

from mmsemi.datasets.self_training_dataset import repetitions, smallest_epoch

from ..methods import METHODS, loader_text
from .classes import ClassTable
from .dataset_config import Images, base_path

STEPS = 20000  # of a whole training, about
FIRST_STEPS = 2000  # of self-training's first training, at least
# For the rows of the methods: the defaults of their classes, and a threshold.
VALUES = dict(conf_thresh='0.95', prev_options='', prev_models='', prev_interval='')

METHOD = """\
# python tools/train.py {path}
_base_ = [
    {network!r},
    './_base_/dataset.py',
    {schedule!r},
    {runtime!r},
]

model = dict(
    {model})
{rest}train_cfg = dict(max_epochs={epochs}, val_interval={interval})
default_hooks = dict(checkpoint=dict(interval={interval}))
"""
ONE_LR = """\
optim_wrapper = dict(  # from random weights: one lr
    optimizer=dict(lr=0.05),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1))))
"""


class Counts(NamedTuple):
    """The size of a training set.

    Attributes:
        labeled (int): Labeled images.
        unlabeled (int): Unlabeled images.
        batch (int): Samples in a step, a labeled and an unlabeled image each.
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
    """Return the config to train with.

    Args:
        path (Path): Where it will lie, absolute.
        configs (Path): The project's ``configs``.
        method (str): A row of :data:`mmsemi.preparation.methods.METHODS`.
        backbone (str): One of :data:`BACKBONES`.
        pretrained (str, optional): File of weights; without it the backbone
            starts from random weights, with the learning rate of the rest.
        table (ClassTable): The classes.
        images (Images): Crop, channels and normalisation.
        counts (Counts): Decides the length of the training.
    """
    base, name = base_path(configs, path.parent), path
    if configs.parent in path.parents:
        name = path.relative_to(configs.parent)
    row = METHODS[method].fill(VALUES)
    model = [row.model]
    if method == 'rankmatch':
        positions = ((images.crop - 1) // 16 + 1) ** 2
        model.append(f'loss_rank=dict(num_landmarks={min(64, positions)})')
    if method == 'corrmatch' and backbone == 'tiny':
        model.append('correlation=dict(in_channels=256, channels=64)')
    if images.mean:
        model.append(
            f'data_preprocessor=dict(\n        mean={images.mean},\n'
            f'        std={images.std},\n        bgr_to_rgb=False)'
        )
    model.append(_backbone(backbone, pretrained, images))
    head = f'num_classes={len(table.names)}'
    if backbone == 'tiny':
        head += ', in_channels=256, channels=64,\n        c1_in_channels=32, '
        head += 'c1_channels=16'
    model.append(f'decode_head=dict({head})')
    if images.large:
        model.append("test_cfg=dict(mode='slide')")

    steps = max(counts.unlabeled // counts.batch, 1)
    epochs = min(max(round(STEPS / steps), 10), 1000)
    rest = f'custom_hooks = [{row.hook}]\n' if row.hook else ''
    if row.shares:
        rest += _self_training(row.shares, counts, epochs)
    elif row.ratio or row.pipeline:
        rest += loader_text(row.ratio, row.pipeline)
    if not pretrained:
        rest += ONE_LR
    # Self-training on own data trains the network of the other methods.
    prefix = '' if row.shares else row.recipe
    return METHOD.format(
        path=name.as_posix(),
        network=f'{base}/models/{prefix}deeplabv3plus_r101.py',
        schedule=f'{base}/schedules/sgd_poly.py',
        runtime=f'{base}/default_runtime.py',
        model=',\n    '.join(model),
        rest=rest,
        epochs=epochs,
        interval=max(epochs // 20, 1),
    )


def _backbone(backbone: str, pretrained: str | None, images: Images) -> str:
    options = [f'depth={dict(tiny=18, r50=50, r101=101)[backbone]}']
    if backbone == 'tiny':
        options += ['base_channels=32', 'stem_channels=32']
    if images.channels != 3:
        options.append(f'in_channels={images.channels}')
    options.append(
        f'init_cfg=dict(checkpoint={pretrained!r})' if pretrained else 'init_cfg=None'
    )
    return f'backbone=dict(\n        {", ".join(options)})'


def _self_training(shares: tuple[float, ...], counts: Counts, epochs: int) -> str:
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
""" + loader_text('(1, 0)', 'pseudo_pipeline', "type='SelfTrainingDataset'")
