"""The data set config of a user's own data, as text."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from yapf.yapflib.yapf_api import FormatCode

from .classes import ClassTable
from .folders import ImageScan

MAX_CROP = 513

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
    value_range: list | None
    mean: list[float] | None
    std: list[float] | None


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
            for kind in kinds
        )
        raise ValueError(
            'The images do not have the same number of channels (gray and '
            f'colour both count as 3): {counts}. Convert or remove the odd '
            'ones, or say by --channels how many to read.'
        )
    channels = kinds[0]
    sides = [min(scan.size) for scan in scans]
    crop = 32 * ((int(np.median(sides)) - 1) // 32) + 1
    large = max(max(scan.size) for scan in scans) > 2 * MAX_CROP

    value_range = mean = std = None
    deep = [scan.sample for scan in scans if scan.deep]
    if deep:
        pixels = np.concatenate(
            [s if channels != 3 else s.reshape(-1, 1) for s in deep]
        )
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
                pixels = np.nan_to_num((pixels - low) * (255 / (high - low))).clip(
                    0, 255
                )
            levels.append(pixels)
        levels = np.concatenate(levels)
        mean = levels.mean(0).round(2).tolist()
        std = np.maximum(levels.std(0), 1).round(2).tolist()
    return Images(min(max(crop, 33), MAX_CROP), large, channels, value_range, mean, std)


def tidy(text: str) -> str:
    """A config's text, laid out as the project's own are."""
    return FormatCode(
        text,
        style_config='{based_on_style: pep8, '
        'split_before_expression_after_opening_paren: true}',
    )[0]


def dataset_text(
    title: str,
    data_root: str,
    table: ClassTable,
    images: Images,
    batch: int,
    workers: int,
) -> str:
    """The data set config."""
    mask_options = '' if table.plain else f', value_map={table.pairs}'
    image_options = ''
    if images.channels != 3:
        image_options += f', channels={images.channels}'
    if images.value_range:
        image_options += f', value_range={images.value_range}'
    strong = (
        ('RandomColorJitter', 'RandomGray', 'RandomBlur')
        if images.channels == 3
        else ('RandomChannelJitter', 'RandomBlur')
    )
    return tidy(
        DATASET.format(
            title=title,
            data_root=data_root,
            classes=table.names,
            palette=table.palette,
            crop=images.crop,
            image_options=image_options,
            mask_options=mask_options,
            strong=', '.join(f'dict(type={name!r})' for name in strong),
            batch=batch,
            workers=workers,
        )
    )
