"""Scale and crop: the geometry of the weak view."""

import math

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from mmsemi.registry import TRANSFORMS

BILINEAR = Image.Resampling.BILINEAR
NEAREST = Image.Resampling.NEAREST


def resize_window(
    img: np.ndarray, size: tuple[int, int], window: tuple[int, int, int, int]
) -> np.ndarray:
    """Resize an image bilinearly and crop it, bit-identical to PIL.

    When the image is enlarged, only the pixels of the window are computed.

    Args:
        img (ndarray): (H, W, C) uint8.
        size (tuple[int, int]): (width, height) to resize to, as in PIL.
        window (tuple[int]): x1, y1, x2, y2 in the resized image, half-open.
            Pixels outside the image become 0.

    Returns:
        ndarray: (y2 - y1, x2 - x1, C) uint8.
    """
    if img.ndim == 3 and img.shape[2] != 3:
        # PIL treats a fourth channel as transparency and refuses a fifth.
        return np.dstack(
            [
                resize_window(np.ascontiguousarray(img[..., c]), size, window)
                for c in range(img.shape[2])
            ]
        )
    height, width = img.shape[:2]
    x1, y1, x2, y2 = window
    if size[0] < width or size[1] < height:
        image = Image.fromarray(img).resize(size, BILINEAR)
        return np.array(image.crop(window))
    # When enlarging, PIL resizes along rows first, and skips a direction whose
    # size is unchanged. So resize the rows that the window needs to full width,
    # then its columns, moved back to their height (crop pads), to full height.
    step = height / size[1]
    top = max(math.floor(y1 * step) - 1, 0)
    bottom = min(math.ceil(y2 * step) + 1, height)
    rows = Image.fromarray(img[top:bottom]).resize((size[0], bottom - top), BILINEAR)
    columns = rows.crop((x1, -top, x2, height - top)).resize(
        (x2 - x1, size[1]), BILINEAR
    )
    return np.array(columns.crop((0, y1, x2 - x1, y2)))


def nearest_index(old: int, new: int) -> np.ndarray:
    """Return the source pixels of PIL's nearest-neighbour resize.

    Args:
        old (int): Number of pixels before.
        new (int): Number of pixels after.

    Returns:
        ndarray: (new,) int32, each in 0..old - 1.
    """
    line = Image.fromarray(np.arange(old, dtype=np.int32)[None])
    return np.array(line.resize((new, 1), NEAREST))[0]


@TRANSFORMS.register_module()
class RandomScaleCrop(BaseTransform):
    """Scale an image randomly, pad it to the crop size, and crop it.

    The long side becomes a uniform integer in ``[int(low * L), int(high *
    L)]`` with L the image's own long side (or ``base``), and the aspect ratio
    is kept. Images are resized bilinearly as PIL does (antialiased when
    shrinking), masks by nearest neighbour. Padding is right and bottom: 0 in
    images, 255 in masks. The crop is uniform, without a retry on its classes.
    Equals mmseg's ``Resize`` (pillow) -> ``Pad`` -> ``RandomCrop``, but
    computes only the crop.

    Changes ``img`` (h, w, C), all ``seg_fields`` (h, w) and ``img_shape``;
    adds ``scale_factor`` (w, h).

    Args:
        crop_size (int | tuple[int, int]): (height, width) of the crop.
        ratio_range (tuple[float]): ``low`` and ``high``.
        base (int, optional): Length that the ratios refer to. Defaults to
            None: the image's own long side. ST's released trainer uses 400
            (Pascal) and 2048 (Cityscapes).

    Raises:
        ValueError: The ratios are not positive and ascending.
    """

    def __init__(
        self,
        crop_size: int | tuple[int, int],
        ratio_range: tuple[float, float] = (0.5, 2.0),
        base: int | None = None,
    ) -> None:
        low, high = ratio_range
        if not 0 < low <= high:
            raise ValueError(
                f'`ratio_range` is {ratio_range}, but must be '
                'positive and ascending, as in (0.5, 2.0).'
            )
        if isinstance(crop_size, int):
            crop_size = (crop_size, crop_size)
        crop_h, crop_w = crop_size
        self.crop_size = (crop_h, crop_w)
        self.ratio_range = ratio_range
        self.base = base

    def draw(
        self, height: int, width: int
    ) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
        """Draw the (width, height) to resize to and the window x1, y1, x2, y2."""
        long_side = max(height, width)
        low, high = (
            max(int(ratio * (self.base or long_side)), 1) for ratio in self.ratio_range
        )
        new_long_side = np.random.randint(low, high + 1)
        new_w, new_h = (
            max(int(side * new_long_side / long_side + 0.5), 1)
            for side in (width, height)
        )
        crop_h, crop_w = self.crop_size
        x = np.random.randint(0, max(new_w - crop_w, 0) + 1)
        y = np.random.randint(0, max(new_h - crop_h, 0) + 1)
        return (new_w, new_h), (x, y, x + crop_w, y + crop_h)

    def transform(self, results: dict) -> dict:
        """Scale and crop ``img`` and all ``seg_fields``."""
        img = results['img']
        height, width = img.shape[:2]
        size, window = self.draw(height, width)
        x1, y1, x2, y2 = window

        results['img'] = resize_window(img, size, window)
        rows = nearest_index(height, size[1])[y1:y2]
        columns = nearest_index(width, size[0])[x1:x2]
        for key in results.get('seg_fields', []):
            seg = np.full(self.crop_size, 255, np.uint8)
            seg[: len(rows), : len(columns)] = results[key][rows][:, columns]
            results[key] = seg
        results['img_shape'] = self.crop_size
        results['scale_factor'] = (size[0] / width, size[1] / height)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(crop_size={self.crop_size}, '
            f'ratio_range={self.ratio_range}, base={self.base})'
        )
