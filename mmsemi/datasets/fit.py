"""Check that a network and a data set fit each other."""

from typing import TypeVar

from mmengine.dataset import BaseDataset
from torch import nn

from .transforms import LoadSegImage

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
