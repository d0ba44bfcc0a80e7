"""Images and masks from disk, with errors that name the file."""

import os.path as osp
from collections.abc import Callable, Sequence
from functools import partial

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmsemi.registry import TRANSFORMS
from mmsemi.utils.images import (
    Range,
    UnfitImage,
    ValueMap,
    decode_channels,
    pack_colors,
    to_8bit,
)

from .caching import cached


class FaultyFile(ValueError):
    """A file that is there and cannot be used."""


def read_array(
    path: str,
    kind: str,
    decode: Callable,
    backend_args: dict | None = None,
    cache_dir: str | None = None,
    cache_as: str = '',
) -> np.ndarray:
    """Read and decode a file.

    Args:
        path (str): The file.
        kind (str): What errors call it.
        decode (Callable): From bytes to an array, or None.
        backend_args (dict, optional): As in mmcv's ``LoadImageFromFile``.
        cache_dir (str, optional): Where to keep the array, and look for it
            first, see :func:`cached`.
        cache_as (str): What ``decode`` depends on.

    Raises:
        FileNotFoundError: There is no such file.
        FaultyFile: It is empty, truncated, too large or of an unknown
            format.
        ValueError: Reading it takes a package that is not there.
    """
    if cache_dir is not None and osp.isfile(path):
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
    cause = None
    try:
        array = decode(content)
    except ImportError as error:
        raise ValueError(f'The {kind} {path} cannot be used: {error}.') from error
    except (UnfitImage, Image.DecompressionBombError) as error:
        raise FaultyFile(
            f'The {kind} {path} cannot be used: {str(error).rstrip(".")}.'
        ) from error
    except Exception as error:  # every decoder raises errors of its own
        array, cause = None, error
    if array is None:
        raise FaultyFile(
            f'The {kind} {path} ({len(content)} bytes) cannot be decoded: it '
            'is empty, truncated or of an unknown format. Fetch it again, or '
            'take its line out of the list.'
        ) from cause
    return array


def read_codes(
    path: str,
    colored: bool = False,
    gray: bool = False,
    backend_args: dict | None = None,
    cache_dir: str | None = None,
) -> np.ndarray:
    """Read what the pixels of a mask file hold.

    Args:
        path (str): The mask.
        colored (bool): Read colours, those of a palette too.
        gray (bool): Take three equal channels for one.
        backend_args (dict, optional): As in mmcv's ``LoadImageFromFile``.
        cache_dir (str, optional): As in :func:`read_array`.

    Returns:
        ndarray: (H, W); colours as 0xRRGGBB.  What has several channels
        stays so without ``colored``.

    Raises:
        FileNotFoundError, FaultyFile: As :func:`read_array`.
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
    return mask


@TRANSFORMS.register_module()
class LoadSegImage(LoadImageFromFile):
    """Load ``img_path`` as BGR, whatever the file holds.

    As mmcv's :class:`LoadImageFromFile`, except that a gray, paletted,
    16-bit or transparent file also gives three 8-bit channels, and that an
    EXIF orientation is not applied: masks carry none, and image and mask
    must stay aligned.

    Adds ``img`` (H, W, channels) uint8, ``img_shape`` and ``ori_shape``
    (H, W).  Where results name a ``cache_dir``, what was decoded once is
    kept there.

    Args:
        channels (int): 3, or as many as the files have, which are then kept
            in their order (TIFF by tifffile).  Defaults to 3.
        value_range (tuple, optional): What of a file with more than 8 bits
            becomes 0 and what 255: ``(low, high)``, or a pair for every
            channel.  Defaults to None: all that 16 bits can hold.
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
    ``label_map``), except that nothing wrong passes silently: where results
    name the ``num_classes``, every value must be a class or 255 (ignore).
    Gray and paletted files of any bit depth are read as indices.

    Adds ``gt_seg_map`` (H, W) uint8, named in ``seg_fields``.  Where results
    name a ``cache_dir``, what was decoded once is kept there.

    Args:
        value_map (Sequence, optional): ``(code, label)`` pairs, for files
            that hold other numbers than the classes', or colours: a code is
            a number, or an RGB triple; the label a class, or 255.  Several
            codes may stand for one label.
        backend_args (dict, optional): As in ``LoadAnnotations``.

    Raises:
        FileNotFoundError: There is no such mask.
        FaultyFile: The mask cannot be decoded, has colours instead of class
            indices, another size than its image, or values that are neither
            a class nor 255 (or not in ``value_map``).
    """

    def __init__(
        self, value_map: Sequence | None = None, backend_args: dict | None = None
    ) -> None:
        super().__init__(backend_args=backend_args)
        self.value_map = ValueMap(value_map) if value_map else None

    def _read(self, path: str, cache_dir: str | None) -> np.ndarray:
        if self.value_map is None:
            return read_codes(path, backend_args=self.backend_args, cache_dir=cache_dir)
        codes = read_codes(
            path, self.value_map.colored, True, self.backend_args, cache_dir
        )
        if codes.ndim != 2:
            return codes  # for the error
        mask, unknown = self.value_map(codes)
        if unknown.any():
            raise FaultyFile(
                f'The mask {path} holds '
                f'{self.value_map.describe(codes[unknown])}, which '
                '`value_map` does not name. Add them to it, or correct the '
                'mask.'
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
            raise FaultyFile(
                f'The mask {path} has {mask.shape[2]} channels, but it must '
                'have one, of class indices. Convert its colours to indices.'
            )
        if mask.shape != tuple(results['ori_shape']):
            (h, w), (img_h, img_w) = mask.shape, results['ori_shape']
            turned = (
                ' Where EXIF turns the image for viewers, turn its '
                'pixels: EXIF is not applied.'
            ) * ((h, w) == (img_w, img_h))
            raise FaultyFile(
                f'The mask {path} is {w}x{h}, but its image '
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
        num_classes = results.get('num_classes') or 255
        reduced = results.get('reduce_zero_label')
        raise FaultyFile(
            f'The mask {results["seg_map_path"]} holds {shown}, outside '
            f'0..{num_classes - 1} and 255 (ignore)'
            f'{" after reduce_zero_label" if reduced else ""}. Correct the '
            'mask, or the classes or `reduce_zero_label` of the data set.'
        )


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
