"""ADE20K needs no conversion, only a look at what is there.

The official masks hold 1..150 for the classes and 0 for the rest.  The
configs read them as they are, with ``reduce_zero_label=True``: 0 becomes 255
and every class one less.  Masks that somebody has shifted already would be
shifted twice, unnoticed.
"""

from pathlib import Path

from mmsemi.utils.files import raise_failures, run_parallel
from mmsemi.utils.images import image_size, read_indices

NUM_CLASSES = 150


def check_ade20k(data_root: str | Path, workers: int = 1) -> int:
    """Check all masks of ``annotations/{training,validation}``.

    Args:
        data_root (str or Path): ``ADEChallengeData2016``.
        workers (int): Processes.

    Returns:
        int: Masks that are as they should be.

    Raises:
        FileNotFoundError: There are none.
        ValueError: Some are not the official ones, cannot be read, or do
            not fit their image.
    """
    data_root = Path(data_root)
    masks = [
        mask
        for part in ('training', 'validation')
        for mask in sorted(data_root.glob(f'annotations/{part}/*.png'))
    ]
    if not masks:
        raise FileNotFoundError(
            f'There is no annotations/training/*.png in {data_root}. Unpack '
            'ADEChallengeData2016.zip and make its folder the data root.'
        )
    jobs = [
        (mask, data_root / 'images' / mask.parent.name / f'{mask.stem}.jpg')
        for mask in masks
    ]
    checked, failures = run_parallel(check_mask, jobs, 'ADE20K masks', workers)
    raise_failures(failures, 'ADE20K masks')
    print(
        f'ADE20K masks: {len(checked)} are as they should be; there is '
        'nothing to convert.'
    )
    return len(checked)


def check_mask(source: tuple[Path, Path]) -> None:
    """Is this an official mask, of the size of its image?

    Args:
        source (tuple[Path, Path]): The mask and its image.

    Raises:
        FileNotFoundError, ValueError: It is not.
    """
    mask, image = source
    indices = read_indices(mask)
    if (indices == 255).any():
        raise ValueError(
            f'{mask} holds 255, which no official mask does: it is shifted '
            'already. Take the masks of ADEChallengeData2016.zip, or set '
            '`reduce_zero_label=False` for every data set of the config.'
        )
    if indices.max() > NUM_CLASSES:
        raise ValueError(
            f'{mask} holds {indices.max()}, but classes end at {NUM_CLASSES}.'
        )
    if indices.shape != image_size(image):
        raise ValueError(
            f'{mask} is {indices.shape}, but {image} is '
            f'{image_size(image)} (height, width).'
        )
