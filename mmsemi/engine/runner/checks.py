"""What is looked at before a run, so that it does not fail in the middle."""
import os.path as osp
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Iterable, Optional

from mmengine.dataset import BaseDataset
from mmengine.model import BaseModule
from mmseg.models import BaseSegmentor
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmsemi.datasets import SemiSegDataset
from mmsemi.datasets.inspection import find_misfits
from mmsemi.datasets.semi_dataset import image_paths
from mmsemi.datasets.transforms.pixels import header_size
from mmsemi.utils.checkpoint import tensor_faults
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
            'processes.')


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
    if not (isinstance(train, SemiSegDataset)
            and isinstance(val, BaseDataset)):
        return
    held_out = {osp.realpath(path) for path in image_paths(val)}
    for part in train.parts:
        shared = [
            path for path in image_paths(part)
            if osp.realpath(path) in held_out
        ]
        if shared:
            raise ValueError(
                f'{some(shared)} stand in {part.ann_file} as well as in '
                f'{val.ann_file}. Take them out of one of the two: a score '
                'on images trained on says nothing.')


def check_network(model: nn.Module, dataset: Dataset) -> None:
    """Network and data agree on classes and channels.

    Raises:
        ValueError: Saying where they do not.
    """
    if isinstance(dataset, SemiSegDataset) and isinstance(
            model, BaseSegmentor):
        misfits = find_misfits(model, dataset.labeled)
        if misfits:
            raise ValueError(' '.join(misfits))


def check_fits(model: nn.Module, checkpoint: dict, filename: str) -> None:
    """The weights of a checkpoint are exactly those of the model.

    Raises:
        ValueError: Naming the tensors that are missing, unexpected or of
            another shape.
    """
    state = checkpoint.get('state_dict', checkpoint)
    state = {
        key.removeprefix('module.'): value
        for key, value in state.items()
    }
    faults = tensor_faults(state, model.state_dict())
    if faults:
        raise ValueError(
            f'The checkpoint {filename} is not of this network: it {faults}. '
            'Use the config it was trained with, or take over what fits by '
            '`--cfg-options strict_load=False`.')


def pretrained_parts(model: nn.Module) -> Dict[str, dict]:
    """``init_cfg`` of the parts that start from files, by their names."""
    return {
        name: module.init_cfg
        for name, module in model.named_modules()
        if isinstance(module, BaseModule) and isinstance(
            module.init_cfg, dict) and 'checkpoint' in module.init_cfg
    }


def _check_pairs(dataset: BaseDataset, max_faults: int = 0) -> None:
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    masked = [info for info in infos if info.get('seg_map_path')]
    _check_exist((info['img_path'] for info in infos), dataset.ann_file)
    _check_exist((info['seg_map_path'] for info in masked), dataset.ann_file)
    with ThreadPoolExecutor(8) as pool:
        faults = [fault for fault in pool.map(_size_fault, masked) if fault]
    if len(faults) > max_faults:
        raise ValueError(f'In {dataset.ann_file}: {some(faults)}. An image '
                         'and its mask must have the same size.')


def _size_fault(info: dict) -> Optional[str]:
    """Two sizes that differ, from the headers alone."""
    try:
        width, height = header_size(info['img_path'])
        mask_width, mask_height = header_size(info['seg_map_path'])
        if (width, height) == (mask_width, mask_height):
            return None
        return (f'{info["img_path"]} has {width}x{height} pixels and its mask '
                f'{info["seg_map_path"]} {mask_width}x{mask_height}')
    except (ImportError, OSError) as error:
        return f'{info["img_path"]} or its mask cannot be read ({error})'


def _check_exist(paths: Iterable[str], list_file: str) -> None:
    paths = [path for path in paths if '://' not in path]
    with ThreadPoolExecutor(8) as pool:
        there = pool.map(osp.isfile, paths)
        missing = [path for path, found in zip(paths, there) if not found]
    if missing:
        raise FileNotFoundError(
            f'{list_file} names files that are not there: {some(missing)}. '
            'Check `data_root` and the list.')
