"""Check that a network and a data set fit each other."""

from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
from mmengine.dataset import BaseDataset
from torch import nn

from mmsemi.utils.codes import IGNORE

from .transforms import LoadSegImage, LoadSegMask

Transform = TypeVar('Transform')


def transform_of(dataset: BaseDataset, kind: type[Transform]) -> Transform | None:
    """Return the first transform of a kind in a data set's pipeline, or None."""
    found = (t for t in dataset.pipeline.transforms if isinstance(t, kind))
    return next(found, None)


def find_misfits(model: nn.Module, dataset: BaseDataset) -> list[str]:
    """List where network and data disagree: classes, palette, channels.

    Args:
        model (EncoderDecoder): As built from the config.
        dataset (BaseDataset): A data set with masks.

    Returns:
        list[str]: A message per fault, with its cure.
    """
    faults = []
    classes = len(dataset.metainfo['classes'])
    if model.num_classes != classes:
        faults.append(
            f'decode_head.num_classes is {model.num_classes}, but the data '
            f'set has {classes} classes. Make them the same.'
        )
    colours = len(dataset.metainfo.get('palette') or [])
    if colours and colours != classes:
        faults.append(
            f'metainfo.palette has {colours} colours for {classes} '
            'classes. Give one per class.'
        )
    load_image = transform_of(dataset, LoadSegImage)
    if load_image is None:
        return faults
    channels = load_image.channels
    first = next(
        p for p in model.get_submodule('backbone').parameters() if p.dim() == 4
    )
    if first.size(1) != channels:
        faults.append(
            f'The backbone takes {first.size(1)} channels, but LoadSegImage '
            f'loads {channels}. Set model.backbone.in_channels={channels}.'
        )
    mean = getattr(model.data_preprocessor, 'mean', None)
    if mean is not None and mean.numel() not in (1, channels):
        faults.append(
            f'data_preprocessor.mean has {mean.numel()} values for '
            f'{channels} channels. Give one per channel, also in std.'
        )
    return faults


def find_single_class(dataset: BaseDataset, need: int = 2) -> str:
    """Say if all masks of a data set show fewer classes than are needed.

    Masks are read until there are enough: usually the first one or two are.
    Files that cannot be read are left to other checks.

    Args:
        dataset (BaseDataset): A data set with masks.
        need (int): Number of different classes. Defaults to 2.

    Returns:
        str: The fault and its cure, or nothing.
    """
    load_image = transform_of(dataset, LoadSegImage) or LoadSegImage()
    load_mask = transform_of(dataset, LoadSegMask) or LoadSegMask()
    shown: set[int] = set()
    for i in range(len(dataset)):
        try:
            mask = load_mask(load_image(dataset.get_data_info(i)))['gt_seg_map']
        except (OSError, ValueError):
            return ''
        shown |= set(np.unique(mask).tolist()) - {IGNORE}
        if len(shown) >= need:
            return ''
    return too_few_classes(shown, dataset.metainfo['classes'])


def too_few_classes(shown: Collection[int], names: Sequence[str]) -> str:
    """Word the fault that masks show one class alone, or none."""
    if not len(shown):
        return (
            f'The masks hold only {IGNORE} (ignored pixels): there is no class to '
            'learn or to score. Correct the masks, or the codes of the classes.'
        )
    (label,) = shown
    return (
        f'The masks hold one class alone, {names[label]!r} (label {label}), apart '
        f'from {IGNORE}, which is ignored: there is nothing to tell apart. Masks of 0 '
        'and 255 mean class 0 and ignored pixels, unless a `value_map` or the '
        'classes file ("thing: 255") says otherwise. Correct the masks, or label '
        'an image that shows another class.'
    )
