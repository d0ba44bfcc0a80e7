"""Load images and masks from disk, with errors that name the file."""

import os.path as osp
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmsemi.registry import TRANSFORMS
from mmsemi.utils.codes import IGNORE, Code, ValueMap, pack_colors
from mmsemi.utils.images import Range, UnfitImage, decode_channels, to_8bit
from mmsemi.utils.storage import ShardError, is_address

from .caching import cached


class FaultyFile(ValueError):
    """A file that exists but cannot be used."""


def read_array(
    path: str | Path,
    kind: str,
    decode: Callable[[bytes], np.ndarray | None],
    backend_args: dict | None = None,
    cache_dir: str | None = None,
    cache_as: str = '',
) -> np.ndarray:
    """Read and decode a file.

    Args:
        path (str or Path): The file.
        kind (str): What error messages call it: 'image' or 'mask'.
        decode (Callable): Decodes the content; None means that it cannot.
        backend_args (dict, optional): As in mmcv's ``LoadImageFromFile``.
        cache_dir (str, optional): Folder that keeps the decoded array, see
            :func:`cached`.
        cache_as (str): The settings that the result of ``decode`` depends on.

    Returns:
        ndarray: The result of ``decode``.

    Raises:
        FileNotFoundError: There is no such file.
        FaultyFile: It is empty, truncated, too large or of an unknown format.
        ValueError: Reading it needs a package that is not installed.
    """
    if cache_dir is not None and (is_address(path) or osp.isfile(path)):
        return cached(
            cache_dir,
            path,
            f'{kind} {cache_as}',
            lambda: read_array(path, kind, decode, backend_args),
        )
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'There is no {kind} {path}. Correct the list or `data_root`.'
        ) from error
    except ShardError as error:
        raise FaultyFile(f'The {kind} {path} cannot be read: {error}') from error
    cause = None
    try:
        array = decode(content)
    except (ImportError, UnfitImage, Image.DecompressionBombError) as error:
        fault = ValueError if isinstance(error, ImportError) else FaultyFile
        said = str(error).rstrip('.')
        raise fault(f'The {kind} {path} cannot be used: {said}.') from error
    except Exception as error:  # every decoder raises errors of its own
        array, cause = None, error
    if array is None:
        raise FaultyFile(
            f'The {kind} {path} ({len(content)} bytes) cannot be decoded: it '
            'is empty, truncated or of an unknown format. Fetch it again, or '
            'remove its line from the list.'
        ) from cause
    return array


def read_codes(
    path: str | Path,
    colored: bool = False,
    gray: bool = False,
    backend_args: dict | None = None,
    cache_dir: str | None = None,
) -> np.ndarray:
    """Read the pixel values of a mask file.

    Args:
        path (str or Path): The mask.
        colored (bool): Read colours, also those of a palette, instead of
            numbers.
        gray (bool): Accept three equal channels as one.
        backend_args (dict, optional): As in mmcv's ``LoadImageFromFile``.
        cache_dir (str, optional): As in :func:`read_array`.

    Returns:
        ndarray: (H, W) with the dtype of the file; colours as 0xRRGGBB.

    Raises:
        FileNotFoundError: There is no such file.
        FaultyFile: It cannot be decoded, or has several channels instead of
            numbers.
    """
    if colored:
        decode = partial(
            mmcv.imfrombytes, flag='color_ignore_orientation', backend='cv2'
        )
        return pack_colors(
            read_array(path, 'mask', decode, backend_args, cache_dir, 'BGR')
        )
    decode = partial(mmcv.imfrombytes, flag='unchanged', backend='pillow')
    mask = read_array(path, 'mask', decode, backend_args, cache_dir)
    if gray and mask.ndim == 3 and (mask[..., :3] == mask[..., :1]).all():
        mask = mask[..., 0]
    if mask.ndim != 2:
        raise FaultyFile(
            f'The mask {path} has {mask.shape[2]} channels, but it must have one, '
            'of class indices. Convert its colours to indices, or say which '
            'classes they are: in `value_map` of a config, or as "NAME: 128 64 '
            '128" in a classes file.'
        )
    return mask.astype(np.uint8) if mask.dtype == bool else mask


@TRANSFORMS.register_module()
class LoadSegImage(LoadImageFromFile):
    """Load ``img_path`` as BGR, whatever the file holds.

    As mmcv's :class:`LoadImageFromFile`, except that gray, paletted, 16-bit
    and transparent files also give three 8-bit channels, and that an EXIF
    orientation is not applied: masks carry none, and image and mask must stay
    aligned.

    Adds ``img`` (H, W, channels) uint8, ``img_shape`` and ``ori_shape``
    (H, W). If the results name a ``cache_dir``, the decoded image is kept
    there.

    Args:
        channels (int): 3 for BGR, or the number of channels of the files, whose
            order is then kept (tifffile reads TIFFs). Defaults to 3.
        value_range (tuple, optional): The values of a file with more than 8
            bits that become 0 and 255: ``(low, high)``, or one pair per
            channel. Defaults to None: the whole range of uint16.
        backend_args (dict, optional): As in ``LoadImageFromFile``.

    Raises:
        FileNotFoundError: There is no such image.
        FaultyFile: The image cannot be decoded.
    """

    def __init__(
        self,
        channels: int = 3,
        value_range: Range | None = None,
        backend_args: dict | None = None,
    ) -> None:
        super().__init__(
            color_type='color_ignore_orientation', backend_args=backend_args
        )
        self.channels = channels
        self.value_range = value_range

    def _decode(self, content: bytes) -> np.ndarray | None:
        if self.channels == 3 and self.value_range is None:
            return mmcv.imfrombytes(
                content, flag=self.color_type, backend=self.imdecode_backend
            )
        img = decode_channels(content, self.channels)
        return None if img is None else to_8bit(img, self.value_range)

    def transform(self, results: dict) -> dict:
        """Add ``img``."""
        img = read_array(
            results['img_path'],
            'image',
            self._decode,
            self.backend_args,
            results.get('cache_dir'),
            f'{self.channels} {self.value_range}',
        )
        results['img'] = img
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadSegMask(LoadAnnotations):
    """Load ``seg_map_path`` and check that it is a mask of this image.

    As mmseg's :class:`LoadAnnotations` (``reduce_zero_label``,
    ``label_map``), but strict: if the results name the ``num_classes``, every
    value must be a class or 255 (ignore). Gray and paletted files of any bit
    depth are read as indices.

    Adds ``gt_seg_map`` (H, W) uint8 and its name in ``seg_fields``. If the
    results name a ``cache_dir``, the decoded mask is kept there.

    Args:
        value_map (Sequence, optional): ``(code, label)`` pairs, for files
            that hold colours, or other numbers than the class indices: a code
            is a number or an RGB triple, a label a class or 255. Several codes
            may have the same label.
        backend_args (dict, optional): As in ``LoadAnnotations``.

    Raises:
        FileNotFoundError: There is no such mask.
        FaultyFile: The mask cannot be decoded, has colours instead of class
            indices, another size than its image, or values that are neither
            a class nor 255 (or not in ``value_map``).
    """

    def __init__(
        self,
        value_map: Sequence[tuple[Code, int]] | None = None,
        backend_args: dict | None = None,
    ) -> None:
        super().__init__(backend_args=backend_args)
        self.value_map = ValueMap(value_map) if value_map else None

    def _read(self, path: str, cache_dir: str | None) -> np.ndarray:
        if self.value_map is None:
            return read_codes(path, backend_args=self.backend_args, cache_dir=cache_dir)
        codes = read_codes(
            path, self.value_map.colored, True, self.backend_args, cache_dir
        )
        mask, unknown = self.value_map(codes)
        if unknown.any():
            raise FaultyFile(
                f'The mask {path} holds '
                f'{self.value_map.describe(codes[unknown])}, which are not in '
                '`value_map`. Add them to it, or correct the mask.'
            )
        return mask

    def _load_seg_map(self, results: dict) -> None:
        mask = self._read(results['seg_map_path'], results.get('cache_dir'))
        self._check_shape(mask, results)
        if mask.dtype != np.uint8:
            with np.errstate(invalid='ignore'):
                indices = mask.astype(np.uint8)
            self._check_values(mask, mask != indices, results)
            mask = indices
        if results.get('reduce_zero_label'):
            mask[mask != IGNORE] -= 1  # 0 wraps to 255
        if results.get('label_map'):
            table = np.arange(256, dtype=np.uint8)
            table[list(results['label_map'])] = list(results['label_map'].values())
            mask = table[mask]
        if results.get('num_classes'):
            outside = (mask >= results['num_classes']) & (mask != IGNORE)
            self._check_values(mask, outside, results)
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')

    @staticmethod
    def _check_shape(mask: np.ndarray, results: dict) -> None:
        (h, w), (img_h, img_w) = mask.shape, results['ori_shape']
        if (h, w) == (img_h, img_w):
            return
        turned = (
            ' If EXIF turns the image in viewers, turn its pixels: EXIF is not applied.'
        ) * ((h, w) == (img_w, img_h))
        raise FaultyFile(
            f'The mask {results["seg_map_path"]} is {w}x{h}, but its image '
            f'{results["img_path"]} is {img_w}x{img_h}. Pair the right '
            f'files in the list, or resize the mask (nearest).{turned}'
        )

    @staticmethod
    def _check_values(mask: np.ndarray, outside: np.ndarray, results: dict) -> None:
        if not outside.any():
            return
        values = np.unique(mask[outside])
        shown = ', '.join(str(v) for v in values[:5])
        shown += ', ...' if len(values) > 5 else ''
        num_classes = results.get('num_classes') or IGNORE
        reduced = results.get('reduce_zero_label')
        raise FaultyFile(
            f'The mask {results["seg_map_path"]} holds {shown}, outside '
            f'0..{num_classes - 1} and 255 (ignore)'
            f'{" after reduce_zero_label" if reduced else ""}. Correct the '
            'mask, or the classes or `reduce_zero_label` of the data set.'
        )


@TRANSFORMS.register_module()
class MarkValid(BaseTransform):
    """Mark every pixel of an image without a mask as part of the image.

    Adds ``valid`` (H, W) uint8 of ones and its name in ``seg_fields``: it is
    scaled and cropped like a mask, and padding is 255.
    """

    def transform(self, results: dict) -> dict:
        """Add ``valid``."""
        results['valid'] = np.ones(results['img'].shape[:2], np.uint8)
        results.setdefault('seg_fields', []).append('valid')
        return results
