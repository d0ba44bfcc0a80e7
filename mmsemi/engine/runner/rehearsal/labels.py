"""Label an image as self-training does, before its first training."""

import os.path as osp
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmsemi.datasets import FaultyFile, ListSegDataset, list_line, stack_streams
from mmsemi.datasets.semi_sampler import SemiIndex
from mmsemi.models.utils import tta_probabilities
from mmsemi.registry import DATASETS, MODELS
from mmsemi.utils.images import image_size
from mmsemi.visualization import save_mask

from .isolation import attempt, same_draws
from .shapes import shapes_only


def rehearse_labels(cfg: Config, scales: Sequence[float]) -> None:
    """Label an unlabeled image and load its pseudo-label once, as self-training does.

    An unlabeled image passes through ``test_pipeline`` and the network at all
    scales, which is computed in shapes only; its pseudo-label, here of the
    first class, is written, and both pass through the pipeline of
    pseudo-labeled images.

    Args:
        cfg (Config): Config of the self-training.
        scales (Sequence[float]): Scales of the test-time augmentation.

    Raises:
        RuntimeError: A part fails; it is named, with its error.
        ValueError: A setting cannot work; it is named, with the cure.
    """
    if 'test_pipeline' not in cfg:
        raise ValueError(
            'Self-training labels images as test_pipeline loads them, which the '
            'config lacks: set it (configs/_base_/datasets/common.py has one).'
        )
    if not scales or min(scales) <= 0:
        raise ValueError(
            f'self_training.scales={tuple(scales)} must be one or more positive '
            'factors.'
        )
    dataset = cfg.train_dataloader.dataset
    to_label = DATASETS.build(dict(dataset, unlabeled_pipeline=cfg.test_pipeline))
    with same_draws(), tempfile.TemporaryDirectory() as folder:
        attempt('labeling', _label, cfg, to_label.unlabeled, scales)
        attempt('retraining', _load_labels, dataset, to_label.unlabeled, Path(folder))


def _label(cfg: Config, images: ListSegDataset, scales: Sequence[float]) -> str:
    batch = pseudo_collate([_usable(images)])
    with shapes_only():
        model = MODELS.build(cfg.model).eval()
        inputs = model.data_preprocessor(batch, False)['inputs']
        tta_probabilities(model.logits, inputs, scales)
    return ''


def _load_labels(dataset: dict, images: ListSegDataset, folder: Path) -> str:
    info = images.get_data_info(0)
    height, width = image_size(info['img_path'])
    mask, labels = folder / 'mask.png', folder / 'labels.txt'
    save_mask(np.zeros((height, width), np.uint8), images.metainfo['palette'], mask)
    name = osp.relpath(info['img_path'], images.data_root)
    labels.write_bytes(list_line(name, str(mask)).encode())
    trained = DATASETS.build(dict(dataset, pseudo_list=str(labels)))
    last = trained.num_labeled - 1  # the pseudo-labeled one
    indices = [SemiIndex((i,), (), (), 0) for i in (0, last)]
    stack_streams([trained[index] for index in indices])
    return ''


def _usable(images: ListSegDataset) -> dict:
    """Load the first image that is not corrupt."""
    for i in range(len(images) - 1):
        with suppress(FaultyFile):
            return images[i]
    return images[-1]
