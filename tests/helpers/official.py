"""Small data sets in their official formats."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix


def save(file: Path, pixels) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), np.asarray(pixels, np.uint8))
    return file


def photo(file: Path, height=6, width=8) -> Path:
    return save(file, np.full((height, width, 3), 90))


def stamps(folder: Path) -> dict:
    """Map every file below a folder to its time and content."""
    return {f: f.stat().st_mtime_ns for f in folder.rglob('*') if f.is_file()}


def sbd_mat(folder: Path, name: str, mask) -> None:
    (folder / 'cls').mkdir(parents=True, exist_ok=True)
    boundaries = np.empty((20, 1), object)
    for i in range(20):
        boundaries[i, 0] = csc_matrix(np.asarray(mask) == i + 1)
    savemat(
        str(folder / f'cls/{name}.mat'),
        {
            'GTcls': {
                'Boundaries': boundaries,
                'Segmentation': np.asarray(mask, np.uint8),
                'CategoriesPresent': [1],
            }
        },
        do_compression=True,
    )


def make_voc(folder: Path) -> Path:
    """Write VOC (masks of `a`, `b`) and SBD (`b`, `c`); return the root of VOC."""
    root = folder / 'VOC2012'
    for name in 'abc':
        photo(root / f'JPEGImages/{name}.jpg')
    for name in 'ab':
        mask = Image.fromarray(np.full((6, 8), 7, np.uint8), mode='P')
        mask.putpalette(bytes(range(256)) * 3)
        (root / 'SegmentationClass').mkdir(exist_ok=True)
        mask.save(root / f'SegmentationClass/{name}.png')
    (root / 'ImageSets/Segmentation').mkdir(parents=True)
    (root / 'ImageSets/Segmentation/trainval.txt').write_text('a\nb\n')
    for name in 'bc':
        sbd_mat(folder / 'sbd/dataset', name, np.tile(range(8), (6, 1)))
    return root


def make_cityscapes(folder: Path) -> Path:
    """Write label ids of one image in each of train, val and test."""
    ids = np.arange(48).reshape(6, 8) % 34
    for name in ('train/aachen/aachen_0', 'val/ulm/ulm_0', 'test/bonn/bonn_0'):
        save(folder / f'gtFine/{name}_gtFine_labelIds.png', ids)
    return folder
