"""Convert Cityscapes' label ids to the 19 classes that are evaluated."""

from pathlib import Path

import numpy as np

from mmsemi.datasets.transforms.loading import read_codes

from .writing import MaskJob, find_sources, write_masks

# Label ids of the classes, in order; all other ids become 255.
CLASS_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
NUM_IDS = 34
TRAIN_IDS = np.full(NUM_IDS, 255, np.uint8)
TRAIN_IDS[list(CLASS_IDS)] = range(len(CLASS_IDS))


def convert_cityscapes(data_root: str | Path, workers: int = 1) -> int:
    """Write ``*_gtFine_labelTrainIds.png`` beside ``*_gtFine_labelIds.png``.

    Args:
        data_root (str or Path): Holds ``gtFine/{train,val}/CITY/``.
        workers (int): Number of processes.

    Returns:
        int: Number of masks written.

    Raises:
        FileNotFoundError: There are no label ids.
        ValueError: A file cannot be read or holds other values.
    """
    sources = find_sources(
        Path(data_root),
        ('gtFine/train/*/*_labelIds.png', 'gtFine/val/*/*_labelIds.png'),
        'Unpack gtFine_trainvaltest.zip there.',
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
    """Read label ids as classes 0..18 and 255, (H, W) uint8.

    Raises:
        ValueError: The file cannot be read, or holds more than the 34 ids.
    """
    ids = read_codes(file)
    if ids.min() < 0 or ids.max() >= NUM_IDS:
        raise ValueError(
            f'{file} holds {ids.min()} to {ids.max()}, but label ids are 0 to '
            f'{NUM_IDS - 1}. Unpack it again from gtFine_trainvaltest.zip.'
        )
    return TRAIN_IDS[ids]
