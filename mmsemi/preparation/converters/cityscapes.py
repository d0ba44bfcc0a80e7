"""Cityscapes: from label ids to the 19 classes that are evaluated."""

from pathlib import Path

import numpy as np

from mmsemi.utils.images import read_indices

from .writing import MaskJob, write_masks

# Label ids of the classes, in their order; all other ids become 255.
CLASS_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
NUM_IDS = 34
TRAIN_IDS = np.full(NUM_IDS, 255, np.uint8)
TRAIN_IDS[list(CLASS_IDS)] = range(len(CLASS_IDS))


def convert_cityscapes(data_root: str | Path, workers: int = 1) -> int:
    """Write ``*_gtFine_labelTrainIds.png`` beside ``*_gtFine_labelIds.png``.

    Args:
        data_root (str or Path): With ``gtFine/{train,val}/CITY/``.
        workers (int): Processes.

    Returns:
        int: Masks written.

    Raises:
        FileNotFoundError: There are no label ids.
        ValueError: A file cannot be read or holds other values.
    """
    data_root = Path(data_root)
    sources = [
        file
        for part in ('train', 'val')
        for file in sorted(data_root.glob(f'gtFine/{part}/*/*_labelIds.png'))
    ]
    if not sources:
        raise FileNotFoundError(
            f'There is no gtFine/train/CITY/*_labelIds.png in {data_root}. '
            'Unpack gtFine_trainvaltest.zip there.'
        )
    jobs = [
        MaskJob(
            file.with_name(file.name.replace('_labelIds.png', '_labelTrainIds.png')),
            file,
        )
        for file in sources
    ]
    return write_masks(to_train_ids, jobs, 'Cityscapes masks', workers)


def to_train_ids(file: Path) -> np.ndarray:
    """Classes 0..18 and 255, (H, W) uint8, of a file of label ids.

    Raises:
        ValueError: It cannot be read, or holds more than the 34 ids.
    """
    ids = read_indices(file)
    if ids.min() < 0 or ids.max() >= NUM_IDS:
        raise ValueError(
            f'{file} holds {ids.min()} to {ids.max()}, but '
            f'label ids are 0 to {NUM_IDS - 1}.'
        )
    return TRAIN_IDS[ids]
