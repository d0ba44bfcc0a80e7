"""CutMix of images, of what belongs to their pixels, and of feature maps."""
from typing import Tuple

import torch
from torch import Tensor


def box_mask(box: Tensor, size: Tuple[int, int]) -> Tensor:
    """Masks that are True inside the boxes, drawn on the boxes' device.

    Args:
        box (Tensor): x1, y1, x2, y2 in pixels, half-open, integer (B, 4);
            an empty box (zeros) gives an empty mask.
        size (tuple): Height and width of the masks.

    Returns:
        Tensor: bool (B, H, W).
    """
    x1, y1, x2, y2 = box[:, :, None].unbind(dim=1)  # each (B, 1)
    y = torch.arange(size[0], device=box.device)
    x = torch.arange(size[1], device=box.device)
    rows = (y1 <= y) & (y < y2)
    cols = (x1 <= x) & (x < x2)
    return rows[:, :, None] & cols[:, None, :]


def cutmix(own: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """``other`` where ``mask`` is True, ``own`` elsewhere.

    `CutMix <https://arxiv.org/abs/1905.04899>`_ for anything that has a value
    per pixel: images, labels, confidences, validity.

    Args:
        own (Tensor): (B, ..., H, W).
        other (Tensor): Like ``own``.
        mask (Tensor): bool (B, H, W).

    Returns:
        Tensor: Like ``own``.
    """
    batch, height, width = mask.shape
    mask = mask.view(batch, *[1] * (own.dim() - 3), height, width)
    return torch.where(mask, other, own)


def cutmix_features(own: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """CutMix of feature maps by a mask of the images they were computed from.

    Defined, as released with `RankMatch
    <https://openaccess.thecvf.com/content/CVPR2024/html/
    Mai_RankMatch_Exploring_the_Better_Consistency_Regularization_for_
    Semi-supervised_Semantic_Segmentation_CVPR_2024_paper.html>`_,
    through full resolution: both maps are resized to the mask's size, mixed,
    and resized back (bilinear, ``align_corners=True``).  No full-resolution
    tensor is built here.  On the way back an output pixel reads two rows and
    two columns of the large maps, so only those are computed; and where
    (H-1)/(h-1) and (W-1)/(w-1) are integers, as for every published crop, it
    reads one pixel that *is* a pixel of the small maps.

    Args:
        own (Tensor): (B, C, h, w).
        other (Tensor): Like ``own``.
        mask (Tensor): bool (B, H, W).

    Returns:
        Tensor: (B, C, h, w).
    """
    step_y = _integer_step(mask.size(1), own.size(2))
    step_x = _integer_step(mask.size(2), own.size(3))
    if step_y and step_x:
        return cutmix(own, other, mask[:, ::step_y, ::step_x])

    rows, up_y, share_y = _two_pixels(mask.size(1), own.size(2), own)
    cols, up_x, share_x = _two_pixels(mask.size(2), own.size(3), own)
    with torch.autocast(own.device.type, enabled=False):
        own_read, other_read = (
            up_y @ feat.to(up_y.dtype) @ up_x.T for feat in (own, other))
        mixed = cutmix(own_read, other_read, mask[:, rows][:, :, cols])
        mixed = mixed.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        mixed = torch.einsum('bchiwj,hi,wj->bchw', mixed, share_y, share_x)
    return mixed.to(own.dtype)


def _integer_step(large: int, small: int) -> int:
    """Pixels of the large side per pixel of the small one, 0 if fractional."""
    if small == 1:  # resizing to one pixel reads the first
        return large
    return 0 if (large - 1) % (small - 1) else (large - 1) // (small - 1)


def _two_pixels(large: int, small: int,
                like: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """The pixels of a large side that resizing it to a small one reads.

    Positions are kept as integer numerators: nothing is lost to rounding.

    Returns:
        tuple: Their indices (2 * small,); the matrix (2 * small, small) that
        interpolates them from the small side; the shares (small, 2) of the
        two in a pixel of the small side.
    """
    dtype = torch.promote_types(like.dtype, torch.float32)
    pixel = torch.arange(small, device=like.device)
    unit = max(small - 1, 1)
    low = pixel * (large - 1) // unit
    high = (low + 1).clamp(max=large - 1)
    share = (pixel * (large - 1) % unit).to(dtype) / unit
    read = torch.stack([low, high], dim=1).flatten()
    distance = (read[:, None] * (small - 1) - pixel * (large - 1)).abs()
    matrix = 1 - distance.clamp(max=large - 1).to(dtype) / (large - 1)
    return read, matrix, torch.stack([1 - share, share], dim=1)
