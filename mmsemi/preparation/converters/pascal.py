"""Pascal VOC 2012, augmented by SBD's annotations."""

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mmsemi.utils.images import image_size

from .writing import MaskJob, write_masks

NUM_CLASSES = 21


def convert_pascal(data_root: str | Path, sbd: str | Path, workers: int = 1) -> int:
    """Add SBD's masks to VOC's, in ``SegmentationClass/NAME.png``.

    Where both have a mask, VOC's stays: it is the finer one, and all of
    ``val`` is VOC's.  This gives 12031 masks, the 10582 of ``train_aug``
    and the 1449 of ``val``, under the one name that the published lists use
    for both.

    Args:
        data_root (str or Path): ``VOC2012``, with ``JPEGImages``,
            ``SegmentationClass`` and ``ImageSets``.
        sbd (str or Path): SBD's ``dataset`` folder, with ``cls/NAME.mat``,
            or the one above it.
        workers (int): Processes.

    Returns:
        int: Masks written.

    Raises:
        FileNotFoundError: VOC is not complete, or there is no SBD.
        ValueError: A file of SBD cannot be read or does not fit its image.
    """
    data_root = Path(data_root)
    masks = data_root / 'SegmentationClass'
    _check_voc(data_root, masks)
    mats = sorted(Path(sbd).glob('cls/*.mat')) or sorted(
        Path(sbd).glob('dataset/cls/*.mat')
    )
    if not mats:
        raise FileNotFoundError(
            f'There is no cls/*.mat below {sbd}; name the folder `dataset` '
            'of the unpacked SBD archive (benchmark.tgz).'
        )
    jobs = [
        MaskJob(
            masks / f'{mat.stem}.png',
            (mat, data_root / 'JPEGImages' / f'{mat.stem}.jpg'),
        )
        for mat in mats
    ]
    return write_masks(read_sbd, jobs, 'SBD masks', workers)


def _check_voc(data_root: Path, masks: Path) -> None:
    """VOC's masks first: those of SBD would take their place unnoticed."""
    names = data_root / 'ImageSets/Segmentation/trainval.txt'
    if not names.is_file():
        raise FileNotFoundError(
            f'There is no {names}. Unpack VOCtrainval_11-May-2012.tar and '
            f'make its folder VOCdevkit/VOC2012 the data root {data_root}.'
        )
    missing = [
        name
        for name in names.read_text().split()
        if not (masks / f'{name}.png').is_file()
    ]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of VOC's own masks are not in {masks}, "
            f'{missing[0]}.png for one. Unpack them again from '
            'VOCtrainval_11-May-2012.tar.'
        )


def read_sbd(source: tuple[Path, Path]) -> np.ndarray:
    """The mask in an SBD file.

    Args:
        source (tuple[Path, Path]): The ``.mat`` file and its image.

    Returns:
        ndarray: (H, W), uint8, 0..20.

    Raises:
        ValueError: It cannot be read, has other values, or is of another
            size than the image.
        FileNotFoundError: There is no such file or image.
    """
    mat, image = source
    try:
        mask = loadmat(str(mat))['GTcls'][0]['Segmentation'][0]
    except FileNotFoundError:
        raise
    except Exception as error:  # scipy and zlib raise errors of their own
        raise ValueError(
            f'{mat} cannot be read as a file of SBD ({error!r}); unpack it again.'
        ) from error
    if mask.min() < 0 or mask.max() >= NUM_CLASSES:
        raise ValueError(
            f'{mat} holds values {mask.min()} to {mask.max()}, '
            f'not 0 to {NUM_CLASSES - 1}.'
        )
    if mask.shape != image_size(image):
        raise ValueError(
            f'{mat} is {mask.shape}, but {image} is '
            f'{image_size(image)} (height, width).'
        )
    return mask.astype(np.uint8)
