"""Images and masks from disk, with errors that name the file."""
from typing import Optional

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations

from mmsemi.registry import TRANSFORMS


def read_array(path: str, kind: str, flag: str, backend: str,
               backend_args: Optional[dict]) -> np.ndarray:
    """Read and decode a file; ``kind`` is what errors call it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, truncated or of an unknown format.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'There is no {kind} {path}. Correct the list or `data_root`.'
        ) from error
    cause = None
    try:
        array = mmcv.imfrombytes(content, flag=flag, backend=backend)
    except Exception as error:  # every decoder raises errors of its own
        array, cause = None, error
    if array is None:
        raise ValueError(
            f'The {kind} {path} ({len(content)} bytes) cannot be decoded: it '
            'is empty, truncated or of an unknown format. Fetch it again, or '
            'take its line out of the list.') from cause
    return array


@TRANSFORMS.register_module()
class LoadSegImage(LoadImageFromFile):
    """Load ``img_path`` as BGR, whatever the file holds.

    As mmcv's :class:`LoadImageFromFile`, except that a gray, paletted,
    16-bit or transparent file also gives three 8-bit channels, and that an
    EXIF orientation is not applied: masks carry none, and image and mask
    must stay aligned.

    Adds ``img`` (H, W, 3) uint8, ``img_shape`` and ``ori_shape`` (H, W).

    Args:
        backend_args (dict, optional): As in ``LoadImageFromFile``.

    Raises:
        FileNotFoundError: There is no such image.
        ValueError: The image cannot be decoded.
    """

    def __init__(self, backend_args: Optional[dict] = None) -> None:
        super().__init__(
            color_type='color_ignore_orientation', backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        img = read_array(results['img_path'], 'image', self.color_type,
                         self.imdecode_backend, self.backend_args)
        results['img'] = img
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadSegMask(LoadAnnotations):
    """Load ``seg_map_path`` and check that it is a mask of this image.

    As mmseg's :class:`LoadAnnotations` (``reduce_zero_label``,
    ``label_map``), except that nothing wrong passes silently: where results
    name the ``num_classes``, every value must be a class or 255 (ignore).
    Gray and paletted files of any bit depth are read as indices.

    Adds ``gt_seg_map`` (H, W) uint8, named in ``seg_fields``.

    Args:
        backend_args (dict, optional): As in ``LoadAnnotations``.

    Raises:
        FileNotFoundError: There is no such mask.
        ValueError: The mask cannot be decoded, has colours instead of class
            indices, another size than its image, or values that are neither
            a class nor 255.
    """

    def __init__(self, backend_args: Optional[dict] = None) -> None:
        super().__init__(backend_args=backend_args)

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        mask = read_array(path, 'mask', 'unchanged', self.imdecode_backend,
                          self.backend_args)
        self._check_shape(mask, results)
        if mask.dtype != np.uint8:
            self._check_values(mask, (mask < 0) | (mask > 255), results)
            mask = mask.astype(np.uint8)
        if results.get('reduce_zero_label'):
            mask[mask != 255] -= 1  # 0 wraps to 255
        if results.get('label_map'):
            table = np.arange(256, dtype=np.uint8)
            for old, new in results['label_map'].items():
                table[old] = new
            mask = table[mask]
        if results.get('num_classes'):
            outside = (mask >= results['num_classes']) & (mask != 255)
            self._check_values(mask, outside, results)
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')

    @staticmethod
    def _check_shape(mask: np.ndarray, results: dict) -> None:
        path = results['seg_map_path']
        if mask.ndim != 2:
            raise ValueError(
                f'The mask {path} has {mask.shape[2]} channels, but it must '
                'have one, of class indices. Convert its colours to indices.')
        if mask.shape != tuple(results['ori_shape']):
            (h, w), (img_h, img_w) = mask.shape, results['ori_shape']
            raise ValueError(
                f'The mask {path} is {w}x{h}, but its image '
                f'{results["img_path"]} is {img_w}x{img_h}. Pair the right '
                'files in the list, or resize the mask (nearest).')

    @staticmethod
    def _check_values(mask: np.ndarray, outside: np.ndarray,
                      results: dict) -> None:
        if not outside.any():
            return
        values = np.unique(mask[outside])
        shown = ', '.join(str(v) for v in values[:5])
        shown += ', ...' if len(values) > 5 else ''
        num_classes = results.get('num_classes') or 255
        reduced = results.get('reduce_zero_label')
        raise ValueError(
            f'The mask {results["seg_map_path"]} holds {shown}, outside '
            f'0..{num_classes - 1} and 255 (ignore)'
            f'{" after reduce_zero_label" if reduced else ""}. Correct the '
            'mask, or the classes or `reduce_zero_label` of the data set.')


@TRANSFORMS.register_module()
class MarkValid(BaseTransform):
    """Mark every pixel of an image without a mask as one of the image.

    Adds ``valid`` (H, W) uint8 of ones, named in ``seg_fields``: it follows
    the geometry like a mask, and what padding adds is 255.
    """

    def transform(self, results: dict) -> dict:
        results['valid'] = np.ones(results['img'].shape[:2], np.uint8)
        results.setdefault('seg_fields', []).append('valid')
        return results
