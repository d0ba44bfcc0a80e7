"""Convert SBD's annotations, which augment Pascal VOC 2012."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmsemi.utils.extras import import_extra

from .writing import MaskJob, check_size, find_sources, write_masks

NUM_CLASSES = 21


def convert_pascal(data_root: str | Path, sbd: str | Path, workers: int = 1) -> int:
    """Add SBD's masks to VOC's, as ``SegmentationClass/NAME.png``.

    If both have a mask, VOC's stays: it is finer, and all of ``val`` is VOC's.
    This gives 12031 masks, the 10582 of ``train_aug`` and the 1449 of ``val``,
    in the one folder that the published lists name for both.

    Args:
        data_root (str or Path): ``VOC2012``, with ``JPEGImages``,
            ``SegmentationClass`` and ``ImageSets``.
        sbd (str or Path): SBD's ``dataset`` folder, with ``cls/NAME.mat``,
            or the one above it.
        workers (int): Number of processes.

    Returns:
        int: Number of masks written.

    Raises:
        FileNotFoundError: VOC is incomplete, or there is no SBD.
        ImportError: SciPy is not installed.
        ValueError: A file of SBD cannot be read or differs in size from its
            image.
    """
    data_root = Path(data_root)
    masks = data_root / 'SegmentationClass'
    _check_voc(data_root, masks)
    mats = find_sources(
        Path(sbd),
        ('cls/*.mat', 'dataset/cls/*.mat'),
        'Name the folder `dataset` of the unpacked SBD archive (benchmark.tgz).',
    )
    _loadmat()  # fail before the first file
    jobs = [
        MaskJob(
            masks / f'{mat.stem}.png',
            (mat, data_root / 'JPEGImages' / f'{mat.stem}.jpg'),
        )
        for mat in mats
    ]
    return write_masks(read_sbd, jobs, 'SBD masks', workers)


def _check_voc(data_root: Path, masks: Path) -> None:
    """Check that VOC's masks are there: else SBD's would replace them unnoticed."""
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
            f"{len(missing)} of VOC's own masks are not in {masks}, for example "
            f'{missing[0]}.png. Unpack them again from '
            'VOCtrainval_11-May-2012.tar.'
        )


def _loadmat() -> Callable[..., dict]:
    """Return SciPy's reader: SBD's boundaries are sparse, which mat4py refuses."""
    return import_extra('scipy.io', "Reading SBD's .mat files").loadmat


def read_sbd(source: tuple[Path, Path]) -> np.ndarray:
    """Read the mask in an SBD file.

    Args:
        source (tuple[Path, Path]): The ``.mat`` file and its image.

    Returns:
        ndarray: (H, W) uint8, 0..20.

    Raises:
        FileNotFoundError: There is no such file or image.
        ValueError: The file cannot be read, has other values, or differs in
            size from the image.
    """
    mat, image = source
    loadmat = _loadmat()
    try:
        mask = loadmat(str(mat), variable_names='GTcls')['GTcls'][0]
        mask = mask['Segmentation'][0]
    except FileNotFoundError:
        raise
    except Exception as error:  # SciPy and zlib raise errors of their own
        raise ValueError(
            f'{mat} cannot be read as a file of SBD ({error!r}); unpack it again.'
        ) from error
    if mask.min() < 0 or mask.max() >= NUM_CLASSES:
        raise ValueError(
            f'{mat} holds values {mask.min()} to {mask.max()}, not 0 to '
            f'{NUM_CLASSES - 1}. Unpack it again.'
        )
    check_size(mat, mask, image)
    return mask.astype(np.uint8)
