"""Checks before a run, so that it does not fail in the middle."""

import os.path as osp
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from mmengine.dataset import BaseDataset
from mmengine.model import BaseModule
from mmseg.models import BaseSegmentor
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import SemiSegDataset
from mmsemi.datasets.fit import find_misfits, find_single_class
from mmsemi.datasets.semi_dataset import image_paths
from mmsemi.utils.images import image_size
from mmsemi.utils.text import some


def check_batches(loader: DataLoader, world_size: int) -> None:
    """Check that the images fill at least one batch on every process.

    Args:
        loader (DataLoader): The training's.
        world_size (int): Number of processes.

    Raises:
        ValueError: They do not.
    """
    if len(loader) == 0:
        raise ValueError(
            f'{len(loader.dataset)} images do not fill one batch of '
            f'{loader.batch_size} on each of {world_size} processes. Lower '
            'total_batch_size (or train_dataloader.batch_size), or use fewer '
            'processes.'
        )


def check_train_set(dataset: Dataset) -> None:
    """Check that all training files exist, and that masks fit their images.

    As many masks as ``max_corrupt`` of the data set may differ in size.

    Raises:
        FileNotFoundError: Files are missing; they are named.
        ValueError: More masks differ in size; they are named.
    """
    if isinstance(dataset, SemiSegDataset):
        for part in dataset.parts:
            _check_pairs(part, dataset.max_corrupt)


def check_labels(dataset: Dataset, need: int = 2) -> None:
    """Check that masks show enough classes to learn, or to score.

    Args:
        dataset (Dataset): For training, its labeled images count.
        need (int): Number of different classes. Defaults to 2.

    Raises:
        ValueError: All masks show one class alone, or none.
    """
    part = getattr(dataset, 'labeled', dataset)
    fault = isinstance(part, BaseDataset) and find_single_class(part, need)
    if fault:
        raise ValueError(f'{part.ann_file}: {fault}')


def check_val_set(dataset: Dataset) -> None:
    """Check that all evaluation files exist, and that masks fit their images.

    Raises:
        FileNotFoundError: Files are missing; they are named.
        ValueError: Masks differ in size from their images; they are named.
    """
    if isinstance(dataset, BaseDataset):
        _check_pairs(dataset)


def check_overlap(train: Dataset, val: Dataset) -> None:
    """Check that no image is both trained on and validated on.

    Raises:
        ValueError: There are such images; they and their lists are named.
    """
    if not (isinstance(train, SemiSegDataset) and isinstance(val, BaseDataset)):
        return
    folder = lru_cache(osp.realpath)

    def real(path: str) -> str:
        """Resolve links as ``osp.realpath`` does, but each folder only once."""
        path = osp.join(folder(osp.dirname(path)), osp.basename(path))
        return osp.realpath(path) if osp.islink(path) else path

    held_out = {real(path) for path in image_paths(val)}
    for part in train.parts:
        shared = [path for path in image_paths(part) if real(path) in held_out]
        if shared:
            raise ValueError(
                f'{some(shared)} are both in {part.ann_file} and in '
                f'{val.ann_file}. Remove them from one of the two: a score on '
                'training images means nothing.'
            )


def check_network(model: nn.Module, dataset: Dataset) -> None:
    """Check that network and data agree on classes and channels.

    Raises:
        ValueError: They do not; says where.
    """
    if isinstance(dataset, SemiSegDataset) and isinstance(model, BaseSegmentor):
        misfits = find_misfits(model, dataset.labeled)
        if misfits:
            raise ValueError(' '.join(misfits))


def pretrained_parts(model: nn.Module) -> dict[str, dict]:
    """Return ``init_cfg`` of the parts that start from files, by their names."""
    return {
        name: module.init_cfg
        for name, module in model.named_modules()
        if isinstance(module, BaseModule)
        and isinstance(module.init_cfg, dict)
        and 'checkpoint' in module.init_cfg
    }


def _check_pairs(dataset: BaseDataset, max_faults: int = 0) -> None:
    missing = _search(dataset, _missing_files)
    if missing:
        raise FileNotFoundError(
            f'{dataset.ann_file} names files that do not exist: '
            f'{some(missing)}. Check `data_root` and the list.'
        )
    faults = _search(dataset, _size_faults)
    if len(faults) > max_faults:
        raise ValueError(
            f'In {dataset.ann_file}: {some(faults)}. An image '
            'and its mask must have the same size.'
        )


def _search(
    dataset: BaseDataset, look: Callable[[dict], list[str]], at_once: int = 100
) -> list[str]:
    """Collect what ``look`` reports about the images, in their order."""

    def report(start: int) -> list[str]:
        part = range(start, min(start + at_once, len(dataset)))
        return [line for i in part for line in look(dataset.get_data_info(i))]

    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(report, range(0, len(dataset), at_once))
        return [line for part in parts for line in part]


def _missing_files(info: dict) -> list[str]:
    files = (info['img_path'], info.get('seg_map_path'))
    return [
        file for file in files if file and '://' not in file and not osp.isfile(file)
    ]


def _size_faults(info: dict) -> list[str]:
    """Report an image and a mask of different sizes, from their headers alone."""
    if not info.get('seg_map_path'):
        return []
    try:
        height, width = image_size(info['img_path'])
        mask_height, mask_width = image_size(info['seg_map_path'])
    except (ImportError, OSError) as error:
        return [f'{info["img_path"]} or its mask cannot be read ({error})']
    if (width, height) == (mask_width, mask_height):
        return []
    return [
        f'{info["img_path"]} has {width}x{height} pixels and its mask '
        f'{info["seg_map_path"]} {mask_width}x{mask_height}'
    ]
