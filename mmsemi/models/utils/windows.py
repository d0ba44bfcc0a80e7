"""Inference by overlapping windows, several at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Predict = Callable[[Tensor], Tensor]
Window = tuple[slice, slice]  # rows and columns


def probability_windows(
    predict: Predict,
    images: Tensor,
    crop_size: Sequence[int],
    stride: Sequence[int] | None = None,
    at_once: int = 4,
) -> Tensor:
    """Sum of the softmax probabilities, as Cityscapes is evaluated.

    By the released trainers, that is: a window starts at every multiple of
    the stride below H and W, even where the one before reached the border,
    and is truncated there.

    Args:
        predict (Callable): Images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): (B, 3, H, W), normalised.
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int], optional): Defaults to ``int(crop * 2 / 3)``.
        at_once (int): Windows that share a batch at most.

    Returns:
        Tensor: (B, C, H, W), each pixel's probabilities summed over the
        windows that cover it (argmax is what counts).
    """
    stride = stride or [int(crop * 2 / 3) for crop in crop_size]
    rows, columns = (
        [slice(start, min(start + crop, side)) for start in range(0, side, s)]
        for side, crop, s in zip(images.shape[2:], crop_size, stride)
    )
    windows = [(y, x) for y in rows for x in columns]
    return _sum(lambda part: _wide(predict(part)).softmax(1), images, windows, at_once)


def mean_logit_windows(
    predict: Predict,
    images: Tensor,
    crop_size: Sequence[int],
    stride: Sequence[int],
    at_once: int = 4,
) -> Tensor:
    """Mean of the logits, as mmseg's ``slide`` mode.

    The last window of a row or column is shifted back to end at the border.

    Args:
        predict (Callable): Images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): (B, 3, H, W), normalised.
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int]): Of windows, at most as large as they are.
        at_once (int): Windows that share a batch at most.

    Returns:
        Tensor: (B, C, H, W).
    """
    rows, columns = (
        [
            slice(max(min(start, side - crop), 0), min(start + crop, side))
            for start in range(0, max(side - crop, 0) + s, s)
        ]
        for side, crop, s in zip(images.shape[2:], crop_size, stride)
    )
    windows = [(y, x) for y in rows for x in columns]
    total = _sum(lambda part: _wide(predict(part)), images, windows, at_once)
    count = total.new_zeros(total.shape[2:])
    for window in windows:
        count[window] += 1
    return total / count


def _wide(logits: Tensor) -> Tensor:
    """Under autocast too, sums are those of float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _sum(
    predict: Predict, images: Tensor, windows: list[Window], at_once: int
) -> Tensor:
    """Sum of what is predicted; windows of one size share batches."""
    sizes: dict[tuple, list[Window]] = defaultdict(list)
    for window in windows:
        sizes[tuple(s.stop - s.start for s in window)].append(window)
    total: Tensor | None = None
    for group in sizes.values():
        for i in range(0, len(group), at_once):
            part = group[i : i + at_once]
            pred = predict(torch.cat([images[(..., *w)] for w in part]))
            if total is None:
                total = pred.new_zeros(len(images), pred.size(1), *images.shape[2:])
            for window, share in zip(part, pred.split(len(images))):
                total[(..., *window)] += share
    return total
