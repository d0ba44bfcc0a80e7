"""Check ADE20K's official masks, which need no conversion.

They hold 1..150 for the classes and 0 for the rest. The configs read them as
they are, with ``reduce_zero_label=True``: 0 becomes 255 and every class one
less. Masks that somebody has already shifted would be shifted twice, unnoticed.
"""

from pathlib import Path

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.utils.files import raise_failures, run_parallel

from .writing import check_size, find_sources

NUM_CLASSES = 150


def check_ade20k(data_root: str | Path, workers: int = 1) -> int:
    """Check all masks of ``annotations/{training,validation}``.

    Args:
        data_root (str or Path): ``ADEChallengeData2016``.
        workers (int): Number of processes.

    Returns:
        int: Number of masks, all of them correct.

    Raises:
        FileNotFoundError: There are none.
        ValueError: Some are not the official ones, cannot be read, or differ
            in size from their image.
    """
    data_root = Path(data_root)
    masks = find_sources(
        data_root,
        ('annotations/training/*.png', 'annotations/validation/*.png'),
        'Unpack ADEChallengeData2016.zip and make its folder the data root.',
    )
    jobs = [
        (mask, data_root / 'images' / mask.parent.name / f'{mask.stem}.jpg')
        for mask in masks
    ]
    checked, failures = run_parallel(check_mask, jobs, 'ADE20K masks', workers)
    raise_failures(failures, 'ADE20K masks')
    print(f'ADE20K masks: {len(checked)} are correct; there is nothing to convert.')
    return len(checked)


def check_mask(source: tuple[Path, Path]) -> None:
    """Check that a mask is an official one and as large as its image.

    Args:
        source (tuple[Path, Path]): The mask and its image.

    Raises:
        FileNotFoundError, ValueError: It is not.
    """
    mask, image = source
    indices = read_codes(mask)
    if (indices == 255).any():
        raise ValueError(
            f'{mask} holds 255, which no official mask does: it is already '
            'shifted. Use the masks of ADEChallengeData2016.zip, or set '
            '`reduce_zero_label=False` in every data set of the config.'
        )
    if indices.max() > NUM_CLASSES:
        raise ValueError(
            f'{mask} holds {indices.max()}, but the highest class is {NUM_CLASSES}. '
            'Use the masks of ADEChallengeData2016.zip.'
        )
    check_size(mask, indices, image)
