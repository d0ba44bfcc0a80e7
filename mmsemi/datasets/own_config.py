"""The configs of a user's own data, as text."""
import os.path as osp
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

import numpy as np
from yapf.yapflib.yapf_api import FormatCode

from .own_classes import ClassTable
from .own_data import ImageScan
from .self_training_dataset import repetitions, smallest_epoch

METHODS = dict(
    supervised='Supervised',
    fixmatch='FixMatch',
    unimatch='UniMatch',
    rankmatch='RankMatch',
    corrmatch='CorrMatch',
    prevmatch='PrevMatch',
    st='Supervised',
    stpp='Supervised')
SHARES = dict(st=(1, ), stpp=(0.5, 1))  # the rounds of self-training
BACKBONES = dict(
    tiny=None,  # a thin ResNet-18, for which there are no weights
    r50='pretrained/resnet50.pth',
    r101='pretrained/resnet101.pth')
MAX_CROP = 513
STEPS = 20000  # of a whole training, about
FIRST_STEPS = 2000  # of self-training's first one, at least

DATASET = """\
# {title}
data_root = {data_root}
metainfo = dict(
    classes={classes},
    palette={palette})
crop_size = ({crop}, {crop})

load_image = dict(type='LoadSegImage'{image_options})
load_mask = dict(type='LoadSegMask'{mask_options})
geometry = [
    dict(type='RandomScaleCrop', crop_size=crop_size, ratio_range=(0.5, 2.0)),
    dict(type='RandomFlip', prob=0.5)
]
labeled_pipeline = [load_image, load_mask, *geometry, dict(type='PackLabeled')]
weak_pipeline = [load_image, dict(type='MarkValid'), *geometry]
strong = [{strong}]
strong_views = dict(type='StrongViews', transforms=strong)
one_view_pipeline = [
    *weak_pipeline,
    dict(strong_views, num_views=1),
    dict(type='CutMixBoxes', num_views=1),
    dict(type='PackUnlabeled')
]
two_view_pipeline = [
    *weak_pipeline,
    dict(strong_views, num_views=2),
    dict(type='CutMixBoxes', num_views=2),
    dict(type='PackUnlabeled')
]
pseudo_pipeline = [  # of self-training
    load_image,
    dict(type='LoadSegMask'), *geometry, *strong,
    dict(type='NoiseCutout'),
    dict(type='PackLabeled')
]
val_pipeline = [load_image, load_mask, dict(type='PackSegInputs')]
test_pipeline = [load_image, dict(type='PackSegInputs')]  # without a mask

# The lists stand beside this file; their lines are relative to data_root.
splits = '{{{{ fileDirname }}}}/../splits'
total_batch_size = {batch}  # of all processes together
train_dataloader = dict(
    num_workers={workers},
    persistent_workers=True,
    drop_last=True,
    collate_fn=dict(type='mmsemi.stack_streams'),
    sampler=dict(type='SemiSampler', partner='independent'),
    dataset=dict(
        type='SemiSegDataset',
        data_root=data_root,
        labeled_list=f'{{splits}}/labeled.txt',
        unlabeled_list=f'{{splits}}/unlabeled.txt',
        metainfo=metainfo,
        labeled_pipeline=labeled_pipeline,
        unlabeled_pipeline=two_view_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers={workers},
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ListSegDataset',
        data_root=data_root,
        ann_file=f'{{splits}}/val.txt',
        metainfo=metainfo,
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionIoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
"""

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


class Images(NamedTuple):
    """What the images of a data set have in common.

    Attributes:
        crop (int): Side of the crop.
        large (bool): Whether to evaluate in windows of the crop's size.
        channels (int): Channels that the network is given.
        value_range (list, optional): What of deeper images becomes 0..255.
        mean (list[float], optional): Per channel, where it is not ImageNet's.
        std (list[float], optional): Likewise.
    """

    crop: int
    large: bool
    channels: int
    value_range: Optional[list]
    mean: Optional[List[float]]
    std: Optional[List[float]]


def describe_images(scans: Sequence[ImageScan]) -> Images:
    """Choose crop, range and normalisation from what the images are.

    The crop is the largest ``32 n + 1`` in the median image, from 33 to 513.
    Values deeper than 8 bits are cut at their 0.1st and 99.9th percentile,
    one pair for gray and colour images, a pair per channel for others; those
    others are also normalised by their own mean and deviation.

    Raises:
        ValueError: Images with different numbers of channels.
    """
    kinds = sorted({scan.channels for scan in scans})
    if len(kinds) > 1:
        counts = ', '.join(
            f'{sum(scan.channels == kind for scan in scans)} have {kind}'
            for kind in kinds)
        raise ValueError(
            'The images do not have the same number of channels (gray and '
            f'colour both count as 3): {counts}. Convert or remove the odd '
            'ones, or say by --channels how many to read.')
    channels = kinds[0]
    sides = [min(scan.size) for scan in scans]
    crop = 32 * ((int(np.median(sides)) - 1) // 32) + 1
    large = max(max(scan.size) for scan in scans) > 2 * MAX_CROP

    value_range = mean = std = None
    deep = [scan.sample for scan in scans if scan.deep]
    if deep:
        pixels = np.concatenate(
            [s if channels != 3 else s.reshape(-1, 1) for s in deep])
        low, high = np.nanpercentile(pixels, (0.1, 99.9), axis=0)
        high = np.maximum(high, low + np.maximum(abs(low) * 1e-3, 1e-6))
        value_range = np.stack([low, high], -1).round(4).tolist()
        if channels == 3:
            value_range = value_range[0]
    if channels != 3:
        levels = []
        for scan in scans:
            pixels = scan.sample
            if scan.deep:
                pixels = np.nan_to_num(
                    (pixels - low) * (255 / (high - low))).clip(0, 255)
            levels.append(pixels)
        levels = np.concatenate(levels)
        mean = levels.mean(0).round(2).tolist()
        std = np.maximum(levels.std(0), 1).round(2).tolist()
    return Images(
        min(max(crop, 33), MAX_CROP), large, channels, value_range, mean, std)


def tidy(text: str) -> str:
    """A config's text, laid out as the project's own are."""
    return FormatCode(
        text,
        style_config='{based_on_style: pep8, '
        'split_before_expression_after_opening_paren: true}')[0]


def dataset_text(title: str, data_root: str, table: ClassTable,
                 images: Images, batch: int, workers: int) -> str:
    """The data set config."""
    mask_options = '' if table.plain else f', value_map={table.pairs}'
    image_options = ''
    if images.channels != 3:
        image_options += f', channels={images.channels}'
    if images.value_range:
        image_options += f', value_range={images.value_range}'
    strong = ('RandomColorJitter', 'RandomGray', 'RandomBlur') \
        if images.channels == 3 else ('RandomChannelJitter', 'RandomBlur')
    return tidy(DATASET.format(
        title=title,
        data_root=data_root,
        classes=table.names,
        palette=table.palette,
        crop=images.crop,
        image_options=image_options,
        mask_options=mask_options,
        strong=', '.join(f'dict(type={name!r})' for name in strong),
        batch=batch,
        workers=workers))


def method_text(path: Path, configs: Path, method: str, backbone: str,
                pretrained: Optional[str], table: ClassTable, images: Images,
                counts: Counts) -> str:
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
        positions = ((images.crop - 1) // 16 + 1)**2
        model.append(f'loss_rank=dict(num_landmarks={min(64, positions)})')
    if method == 'corrmatch' and backbone == 'tiny':
        model.append('correlation=dict(in_channels=256, channels=64)')
    if images.mean:
        model.append(f'data_preprocessor=dict(mean={images.mean}, '
                     f'std={images.std}, bgr_to_rgb=False)')
    options = ', '.join(_backbone(backbone, pretrained, images))
    model.append(f'backbone=dict({options})')
    head = [f'num_classes={len(table.names)}']
    if backbone == 'tiny':
        head += ['in_channels=256', 'channels=64', 'c1_in_channels=32',
                 'c1_channels=16']
    model.append(f'decode_head=dict({", ".join(head)})')
    if images.large:
        stride = images.crop * 2 // 3
        model.append("test_cfg=dict(mode='slide', "
                     f'crop_size=({images.crop}, {images.crop}), '
                     f'stride=({stride}, {stride}))')
    steps = max(counts.unlabeled // counts.batch, 1)
    epochs = min(max(round(STEPS / steps), 10), 1000)
    return tidy(METHOD.format(
        path=name.as_posix(),
        base=base.as_posix(),
        network='corrmatch_deeplabv3plus'
        if method == 'corrmatch' else 'deeplabv3plus',
        method=METHODS[method],
        model=', '.join(model),
        rest=''.join(
            f'{part}\n'
            for part in _rest(method, pretrained, table, images, counts,
                              epochs)),
        epochs=epochs,
        interval=max(epochs // 20, 1)))


def _backbone(backbone: str, pretrained: Optional[str],
              images: Images) -> List[str]:
    options = [f'depth={dict(tiny=18, r50=50, r101=101)[backbone]}']
    if backbone == 'tiny':
        options += ['base_channels=32', 'stem_channels=32']
    if images.channels != 3:
        options.append(f'in_channels={images.channels}')
    options.append(f'init_cfg=dict(checkpoint={pretrained!r})'
                   if pretrained else 'init_cfg=None')
    return options


def _rest(method: str, pretrained: Optional[str], table: ClassTable,
          images: Images, counts: Counts, epochs: int) -> List[str]:
    parts = []
    if method == 'supervised':
        parts.append('train_dataloader = dict(sampler=dict(ratio=(1, 0)))')
    if method in ('fixmatch', 'corrmatch'):
        parts.append('train_dataloader = dict(\n    dataset=dict('
                     'unlabeled_pipeline={{_base_.one_view_pipeline}}))')
    if method == 'prevmatch':
        parts.append("custom_hooks = [dict(type='PreviousModelsHook')]")
    if method in SHARES:
        parts.append(_self_training(SHARES[method], counts, epochs))
    if not pretrained:
        parts.append('optim_wrapper = dict(  # from random weights: one lr\n'
                     '    optimizer=dict(lr=0.05),\n    paramwise_cfg=dict('
                     'custom_keys=dict(backbone=dict(lr_mult=1))))')
    if not table.plain or images.channels != 3 or images.value_range:
        parts.append(TTA)
    return parts


def _self_training(shares: tuple, counts: Counts, epochs: int) -> str:
    # As many images in a step as the other methods have, if there are.
    batch = min(2 * counts.batch,
                smallest_epoch(counts.labeled, counts.unlabeled, shares))
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
