"""Write the text of the data set config for a user's own data."""

import os.path as osp
from collections.abc import Sequence
from pathlib import Path
from pprint import pformat
from textwrap import indent, wrap
from typing import NamedTuple

import numpy as np

from .classes import ClassTable
from .folders import ImageScan
from .strong_view import Proposal

MAX_CROP = 513

DATASET = """\
# {title}
_base_ = {common!r}

data_root = {data_root}
metainfo = dict(
    classes={classes},
    palette={palette})
crop_size = {crop}
{options}
# The lists lie beside this file; their lines are relative to data_root.
splits = '{{{{ fileDirname }}}}/../splits'
total_batch_size = {batch}  # of all processes together
train_dataloader = dict(
    num_workers={workers},
    dataset=dict(
        data_root=data_root,
        labeled_list=f'{{splits}}/labeled.txt',
        unlabeled_list=f'{{splits}}/unlabeled.txt',
        metainfo=metainfo))
val_dataloader = dict(
    num_workers={workers},
    dataset=dict(
        data_root=data_root,
        ann_file=f'{{splits}}/val.txt',
        metainfo=metainfo))
test_dataloader = val_dataloader
"""

# Colour jitter and grayscale need three channels.
CHANNELS = """\
strong = [dict(type='RandomChannelJitter'), dict(type='RandomBlur')]
transform_defaults['StrongViews'] = dict(transforms=strong)
pseudo_pipeline = [  # self-training
    dict(type='LoadSegImage'),
    dict(type='LoadSegMask', value_map=None),
    dict(type='RandomScaleCrop'),
    dict(type='RandomFlip', prob=0.5),
    *strong,
    dict(type='NoiseCutout'),
    dict(type='PackLabeled')
]
"""


class Images(NamedTuple):
    """What the images of a data set have in common.

    Attributes:
        crop (int): Side of the crop.
        large (bool): Whether to evaluate in windows of the crop's size.
        channels (int): Input channels of the network.
        value_range (list, optional): Lowest and highest value of images deeper
            than 8 bits, which become 0 and 255; one pair, or one per channel.
        mean (list[float], optional): Per channel; None for ImageNet's.
        std (list[float], optional): Per channel; None for ImageNet's.
    """

    crop: int
    large: bool
    channels: int
    value_range: list | None
    mean: list[float] | None
    std: list[float] | None


def describe_images(scans: Sequence[ImageScan]) -> Images:
    """Choose crop, value range and normalisation for a set of images.

    The crop is the largest ``32 n + 1`` that fits into the median image, from
    33 to 513.  Values deeper than 8 bits are clipped at their 0.1st and 99.9th
    percentile, with one pair for gray and colour images and a pair per channel
    for others.  The others are also normalised with their own mean and
    standard deviation.

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
            'ones, or give --channels, the number to read.'
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


def base_path(configs: Path, folder: Path) -> str:
    """Return what a config in ``folder`` calls ``configs/_base_``.

    Args:
        configs (Path): The project's ``configs``.
        folder (Path): Absolute.

    Returns:
        str: Within a checkout a relative path, elsewhere ``mmsemi::_base_``: neither
        changes when the folder is moved or mmsemi is installed anew.
    """
    if configs.parent in (folder, *folder.parents):
        return Path(osp.relpath(configs / '_base_', folder)).as_posix()
    return 'mmsemi::_base_'


def dataset_text(
    folder: Path,
    configs: Path,
    title: str,
    data_root: str,
    table: ClassTable,
    images: Images,
    batch: int,
    workers: int,
    strong_view: Proposal,
) -> str:
    """Return the data set config, over the same base as the published data sets.

    Args:
        folder (Path): Where the config will lie, absolute.
        configs (Path): The project's ``configs``.
        title (str): Its first line.
        data_root (str): The data root as Python text.
        table (ClassTable): The classes.
        images (Images): Crop, channels and range of values.
        batch (int): Samples in a step.
        workers (int): Processes that load data.
        strong_view (Proposal): What strong views may change.
    """
    image = [f'channels={images.channels}'] if images.channels != 3 else []
    if images.value_range:
        image.append(f'value_range={_wrapped(images.value_range)}')
    defaults = []
    if image:
        defaults.append(f'LoadSegImage=dict(\n        {", ".join(image)})')
    if not table.plain:
        defaults.append(
            f'LoadSegMask=dict(\n        value_map={_wrapped(table.pairs)})'
        )
    options = ''
    if defaults:
        listed = ',\n    '.join(defaults)
        options = f'transform_defaults = dict(\n    {listed})\n'
    if images.channels != 3:
        options += CHANNELS
    if strong_view.settings:
        options += '\n' + ''.join(
            f'# {line}\n'
            for reason in strong_view.reasons
            for line in wrap(reason, 77, break_long_words=False)
        )
        settings = ', '.join(f'{k}={v}' for k, v in strong_view.settings.items())
        options += f'strong_view = dict({settings})\n'
    return DATASET.format(
        title=title,
        common=f'{base_path(configs, folder)}/datasets/common.py',
        data_root=data_root,
        classes=_wrapped(table.names),
        palette=_wrapped(table.palette),
        crop=images.crop,
        options=options,
        batch=batch,
        workers=workers,
    )


def _wrapped(value: object) -> str:
    """Return a value as Python text, in lines indented by 8."""
    return indent(pformat(value, width=70, compact=True), ' ' * 8).lstrip()
