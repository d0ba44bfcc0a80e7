"""What is looked at before a run, so that it does not fail in the middle."""

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
from mmsemi.datasets.fit import find_misfits
from mmsemi.datasets.semi_dataset import image_paths
from mmsemi.utils.images import image_size
from mmsemi.utils.text import some


def check_batches(loader: DataLoader, world_size: int) -> None:
    """The images make at least one batch.

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
    """All files of the streams are there, and labeled sizes match.

    As many pairs as ``max_corrupt`` of the data set may be wrong.

    Raises:
        FileNotFoundError, ValueError: Naming the files.
    """
    if isinstance(dataset, SemiSegDataset):
        for part in dataset.parts:
            _check_pairs(part, dataset.max_corrupt)


def check_val_set(dataset: Dataset) -> None:
    """All files are there, and the sizes of images and masks match.

    Raises:
        FileNotFoundError, ValueError: Naming the files.
    """
    if isinstance(dataset, BaseDataset):
        _check_pairs(dataset)


def check_overlap(train: Dataset, val: Dataset) -> None:
    """No image is both trained on and validated on.

    Raises:
        ValueError: Naming such an image and its lists.
    """
    if not (isinstance(train, SemiSegDataset) and isinstance(val, BaseDataset)):
        return
    folder = lru_cache(osp.realpath)

    def real(path: str) -> str:
        """As ``osp.realpath``, which looks at every folder again."""
        path = osp.join(folder(osp.dirname(path)), osp.basename(path))
        return osp.realpath(path) if osp.islink(path) else path

    held_out = {real(path) for path in image_paths(val)}
    for part in train.parts:
        shared = [path for path in image_paths(part) if real(path) in held_out]
        if shared:
            raise ValueError(
                f'{some(shared)} stand in {part.ann_file} as well as in '
                f'{val.ann_file}. Take them out of one of the two: a score '
                'on images trained on says nothing.'
            )


def check_network(model: nn.Module, dataset: Dataset) -> None:
    """Network and data agree on classes and channels.

    Raises:
        ValueError: Saying where they do not.
    """
    if isinstance(dataset, SemiSegDataset) and isinstance(model, BaseSegmentor):
        misfits = find_misfits(model, dataset.labeled)
        if misfits:
            raise ValueError(' '.join(misfits))


def pretrained_parts(model: nn.Module) -> dict[str, dict]:
    """``init_cfg`` of the parts that start from files, by their names."""
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
            f'{dataset.ann_file} names files that are not there: '
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
    """What there is to say about the images, a list of any length."""

    def look_at(start: int) -> list[str]:
        part = range(start, min(start + at_once, len(dataset)))
        return [said for i in part for said in look(dataset.get_data_info(i))]

    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(look_at, range(0, len(dataset), at_once))
        return [said for part in parts for said in part]


def _missing_files(info: dict) -> list[str]:
    files = (info['img_path'], info.get('seg_map_path'))
    return [
        file for file in files if file and '://' not in file and not osp.isfile(file)
    ]


def _size_faults(info: dict) -> list[str]:
    """Two sizes that differ, from the headers alone."""
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
