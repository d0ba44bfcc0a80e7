"""Inference on overlapping windows, several per batch."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Predict = Callable[[Tensor], Tensor]
Window = tuple[slice, slice]  # rows and columns


def probability_windows(
    predict: Predict,
    images: Tensor,
    crop_size: Sequence[int],
    stride: Sequence[int] | None = None,
    at_once: int = 4,
    border: str = 'truncate',
) -> Tensor:
    """Sum the softmax probabilities, as the released trainers do on Cityscapes.

    A window starts at every multiple of the stride below H and W, even if the
    previous window has already reached the border, and is truncated at the
    border.  With ``border='shift'`` (UniMatch V2) all windows have one size: the
    last of a row or column is shifted back to end at the border.

    Args:
        predict (Callable): Maps images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): Normalized images, (B, 3, H, W).
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int], optional): Vertical and horizontal stride.
            Defaults to ``int(crop * 2 / 3)``.
        at_once (int): Maximum number of windows per batch.  Defaults to 4.
        border (str): 'truncate' or 'shift'.  Defaults to 'truncate'.

    Returns:
        Tensor: (B, C, H, W); each pixel's probabilities are summed over the
        windows that cover it (only the argmax is used).
    """
    stride = stride or [int(crop * 2 / 3) for crop in crop_size]
    place = _shifted if border == 'shift' else _truncated
    windows = _windows(place, images, crop_size, stride)
    return _sum(lambda part: _wide(predict(part)).softmax(1), images, windows, at_once)


def mean_logit_windows(
    predict: Predict,
    images: Tensor,
    crop_size: Sequence[int],
    stride: Sequence[int],
    at_once: int = 4,
) -> Tensor:
    """Average the logits of the windows, as mmseg's ``slide`` mode does.

    The last window of a row or column is shifted back to end at the border.

    Args:
        predict (Callable): Maps images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): Normalized images, (B, 3, H, W).
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int]): Vertical and horizontal stride, at most the
            size of a window.
        at_once (int): Maximum number of windows per batch.  Defaults to 4.

    Returns:
        Tensor: Logits, (B, C, H, W).
    """
    windows = _windows(_shifted, images, crop_size, stride)
    total = _sum(lambda part: _wide(predict(part)), images, windows, at_once)
    count = total.new_zeros(total.shape[2:])
    for window in windows:
        count[window] += 1
    return total / count


def at_multiple(predict: Predict, images: Tensor, multiple: int) -> Tensor:
    """Predict whole images resized to multiples of a number of pixels.

    As UniMatch V2's released evaluation: sides are rounded to the nearest
    multiple, halves up, and logits are resized back; both bilinearly with
    aligned corners.

    Args:
        predict (Callable): Maps images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): Normalized images, (B, 3, H, W).
        multiple (int): Pixels, for example of the patches of a transformer.

    Returns:
        Tensor: Logits, (B, C, H, W).
    """
    size = images.shape[2:]
    rounded = [max((2 * side + multiple) // (2 * multiple), 1) for side in size]

    def resize(x: Tensor, to: Sequence[int]) -> Tensor:
        return F.interpolate(x, tuple(to), mode='bilinear', align_corners=True)

    logits = predict(resize(images, [multiple * number for number in rounded]))
    return resize(_wide(logits), size)


def _windows(
    place: Callable, images: Tensor, crop_size: Sequence[int], stride: Sequence[int]
) -> list[Window]:
    rows, columns = map(place, images.shape[2:], crop_size, stride)
    return [(y, x) for y in rows for x in columns]


def _truncated(side: int, crop: int, stride: int) -> list[slice]:
    return [slice(start, min(start + crop, side)) for start in range(0, side, stride)]


def _shifted(side: int, crop: int, stride: int) -> list[slice]:
    return [
        slice(max(min(start, side - crop), 0), min(start + crop, side))
        for start in range(0, max(side - crop, 0) + stride, stride)
    ]


def _wide(logits: Tensor) -> Tensor:
    """Cast to float32 or wider, so that sums are exact enough under autocast."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _sum(
    predict: Predict, images: Tensor, windows: list[Window], at_once: int
) -> Tensor:
    """Sum the predictions of the windows; windows of equal size share batches."""
    sizes: dict[tuple, list[Window]] = defaultdict(list)
    for window in windows:
        sizes[tuple(s.stop - s.start for s in window)].append(window)
    total: Any = None  # allocated when the number of classes is known
    for group in sizes.values():
        for i in range(0, len(group), at_once):
            part = group[i : i + at_once]
            pred = predict(torch.cat([images[..., y, x] for y, x in part]))
            if total is None:
                total = pred.new_zeros(len(images), pred.size(1), *images.shape[2:])
            for (y, x), share in zip(part, pred.split(len(images)), strict=True):
                total[..., y, x] += share
    return total
