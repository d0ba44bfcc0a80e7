"""Window inference as the released trainers evaluate Cityscapes."""
from typing import Callable, Optional, Sequence

from torch import Tensor


def probability_windows(predict: Callable[[Tensor], Tensor],
                        images: Tensor,
                        crop_size: Sequence[int],
                        stride: Optional[Sequence[int]] = None) -> Tensor:
    """Sum of the softmax probabilities of overlapping windows.

    A window starts at every multiple of the stride below H and W, even where
    the one before reached the border, and is truncated there.  mmseg's
    ``slide`` mode shifts the last window back and averages logits instead.

    Args:
        predict (Callable): Images (B, 3, h, w) to logits (B, C, h, w).
        images (Tensor): (B, 3, H, W), normalised.
        crop_size (Sequence[int]): Height and width of a window.
        stride (Sequence[int], optional): Defaults to ``int(crop * 2 / 3)``.

    Returns:
        Tensor: (B, C, H, W), each pixel's probabilities summed over the
        windows that cover it (argmax is what counts).
    """
    height, width = images.shape[2:]
    stride = stride or [int(c * 2 / 3) for c in crop_size]
    total: Optional[Tensor] = None
    for top in range(0, height, stride[0]):
        for left in range(0, width, stride[1]):
            window = (..., slice(top, top + crop_size[0]),
                      slice(left, left + crop_size[1]))
            prob = predict(images[window]).softmax(1)
            if total is None:
                total = prob.new_zeros((*prob.shape[:2], height, width))
            total[window] += prob
    return total
