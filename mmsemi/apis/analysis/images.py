"""Choose the images with masks that a network is analyzed on."""

import copy
import os.path as osp
from pathlib import Path

from mmengine.config import Config
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import ListSegDataset, SemiSegDataset
from mmsemi.engine import SemiRunner
from mmsemi.registry import DATASETS

NAMED = ('val', 'test', 'labeled', 'unlabeled')


def image_loader(cfg: Config, which: str) -> DataLoader:
    """Build a loader of images and masks, as a validation loads them.

    Args:
        cfg (Config): The config.
        which (str): 'val', 'test', 'labeled', 'unlabeled', or a list of ``IMAGE
            MASK`` lines.

    Raises:
        FileNotFoundError: The list does not exist.
        ValueError: The config has no such images, or a line has no mask.
    """
    if which in ('val', 'test'):
        loader = cfg.get(f'{which}_dataloader')
        if not loader:
            raise ValueError(
                f'The config has no {which}_dataloader: name a list of images and '
                'masks, --list FILE, or labeled.'
            )
        return SemiRunner.build_dataloader(copy.deepcopy(loader), seed=0)
    loader = cfg.get('val_dataloader') or cfg.test_dataloader
    if which in ('labeled', 'unlabeled'):
        dataset = _train_images(cfg, loader.dataset, which)
    else:
        file = Path(which)
        if not file.is_file() and not Path(loader.dataset.data_root, which).is_file():
            raise FileNotFoundError(
                f'There is no list {which}, neither here nor in '
                f'{loader.dataset.data_root}. --list takes {", ".join(NAMED)}, or a '
                'file of IMAGE MASK lines.'
            )
        name = str(file.resolve()) if file.is_file() else which
        dataset = DATASETS.build(dict(copy.deepcopy(loader.dataset), ann_file=name))
    return SemiRunner.build_dataloader(dict(copy.deepcopy(loader), dataset=dataset), 0)


def _train_images(cfg: Config, evaluated: dict, which: str) -> Dataset:
    """Build a data set of train images that are loaded as in a validation."""
    train = DATASETS.build(copy.deepcopy(cfg.train_dataloader.dataset))
    if not isinstance(train, SemiSegDataset):
        raise ValueError(
            f'train_dataloader.dataset is a {type(train).__name__}, which has no '
            f'{which} images: name a list of images and masks, --list FILE.'
        )
    part: ListSegDataset | None = getattr(train, which)
    if part is None:
        raise ValueError(f'The config has no {which} images.')
    settings = dict(
        copy.deepcopy(evaluated),
        ann_file=osp.abspath(part.ann_file),
        data_root=part.data_root,
        without=part.without,
    )
    try:
        dataset = DATASETS.build(settings)
        len(dataset)
    except ValueError as error:
        if 'names no mask' not in str(error):
            raise
        raise ValueError(
            f'The {which} images have no masks to compare with: {part.ann_file} names '
            'none. Name a list of IMAGE MASK lines, --list FILE.'
        ) from error
    return dataset
