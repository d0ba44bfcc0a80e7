"""CutMix of images, of per-pixel targets, and of feature maps."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from mmsemi.structures import Paste


def cutmix(own: Tensor, other: Tensor, pastes: Sequence[Paste]) -> Tensor:
    """Copy ``own`` and paste boxes of ``other`` into the copy.

    `CutMix <https://arxiv.org/abs/1905.04899>`_ for anything with a value per
    pixel: images, labels, confidences, validity.

    Args:
        own (Tensor): (B, ..., H, W).
        other (Tensor): Partners that the boxes are taken from, (M, ..., H,
            W); may be ``own``.
        pastes (Sequence[Paste]): The boxes, with indices into both batches.

    Returns:
        Tensor: Like ``own``.
    """
    mixed = own.clone()
    for i, partner, x1, y1, x2, y2 in pastes:
        mixed[i, ..., y1:y2, x1:x2] = other[partner, ..., y1:y2, x1:x2]
    return mixed


def outside(mask: Tensor, pastes: Sequence[Paste]) -> Tensor:
    """Copy ``mask``, bool (B, H, W), and set the copy to False in the boxes."""
    mask = mask.clone()
    for i, _, x1, y1, x2, y2 in pastes:
        mask[i, y1:y2, x1:x2] = False
    return mask


def toggled(views: Sequence[Sequence[Paste]]) -> list[Paste]:
    """Combine boxes so that a pixel is pasted if an odd number of them has it.

    Several boxes of an image that toggle where they overlap, as in `CutMix-Seg
    <https://arxiv.org/abs/1906.01916>`_.

    Args:
        views (Sequence[Sequence[Paste]]): Lists of pastes, at most one of each
            image in each; those of an image have one partner.

    Returns:
        list[Paste]: Rectangles that do not overlap.
    """
    by_image: dict[tuple[int, int], list[Paste]] = {}
    for paste in (paste for view in views for paste in view):
        by_image.setdefault(paste[:2], []).append(paste)
    cells = []
    for (image, partner), pastes in by_image.items():
        columns = sorted({x for paste in pastes for x in (paste.x1, paste.x2)})
        rows = sorted({y for paste in pastes for y in (paste.y1, paste.y2)})
        for y1, y2 in pairwise(rows):
            for x1, x2 in pairwise(columns):
                holders = sum(
                    paste.x1 <= x1 < paste.x2 and paste.y1 <= y1 < paste.y2
                    for paste in pastes
                )
                if holders % 2:
                    cells.append(Paste(image, partner, x1, y1, x2, y2))
    return cells


def cutmix_features(
    own: Tensor, other: Tensor, pastes: Sequence[Paste], size: Sequence[int]
) -> Tensor:
    """CutMix feature maps with boxes given in pixels of their images.

    The definition, as released with `RankMatch
    <https://openaccess.thecvf.com/content/CVPR2024/html/
    Mai_RankMatch_Exploring_the_Better_Consistency_Regularization_for_
    Semi-supervised_Semantic_Segmentation_CVPR_2024_paper.html>`_,
    goes through full resolution: both maps are resized to the images' size,
    mixed, and resized back (bilinear, ``align_corners=True``).  No
    full-resolution tensor is built here.  Resizing back reads two rows and
    two columns of the large maps for each output pixel, so only those are
    computed; and if (H-1)/(h-1) and (W-1)/(w-1) are integers, as for every
    published crop, it reads one pixel that *is* a pixel of the small maps.

    Args:
        own (Tensor): (B, C, h, w).
        other (Tensor): Maps of the partners, (M, C, h, w).
        pastes (Sequence[Paste]): Boxes in pixels of the images.
        size (Sequence[int]): H and W of the images.

    Returns:
        Tensor: (B, C, h, w).
    """
    step_y = _integer_step(size[0], own.size(2))
    step_x = _integer_step(size[1], own.size(3))
    if step_y and step_x:
        return cutmix(
            own,
            other,
            [
                paste._replace(
                    x1=-(-paste.x1 // step_x),
                    x2=-(-paste.x2 // step_x),
                    y1=-(-paste.y1 // step_y),
                    y2=-(-paste.y2 // step_y),
                )
                for paste in pastes
            ],
        )

    rows, up_y, share_y = _two_pixels(size[0], own.size(2), own)
    cols, up_x, share_x = _two_pixels(size[1], own.size(3), own)
    with torch.autocast(own.device.type, enabled=False):
        own_read, other_read = (
            up_y @ feat.to(up_y.dtype) @ up_x.T for feat in (own, other)
        )
        mixed = cutmix(
            own_read,
            other_read,
            [
                paste._replace(x1=x1, x2=x2, y1=y1, y2=y2)
                for paste in pastes
                for y1, y2 in _spans(rows, paste.y1, paste.y2)
                for x1, x2 in _spans(cols, paste.x1, paste.x2)
            ],
        )
        mixed = mixed.unflatten(3, (2, -1)).unflatten(2, (2, -1))
        mixed = torch.einsum('bcihjw,ih,jw->bchw', mixed, share_y, share_x)
    return mixed.to(own.dtype)


def _integer_step(large: int, small: int) -> int:
    """Return large pixels per small pixel of a side, 0 if fractional."""
    if small == 1:  # resizing to one pixel reads the first one
        return large
    return 0 if (large - 1) % (small - 1) else (large - 1) // (small - 1)


def _two_pixels(
    large: int, small: int, like: Tensor
) -> tuple[list[list[int]], Tensor, Tensor]:
    """Find the pixels of a large side that resizing it to a small one reads.

    Positions stay integer numerators, so nothing is lost to rounding.  The
    host computes them once for the boxes, the device for the matrices.

    Returns:
        tuple: The lower and the upper pixel of each pair, as two lists of
        ``small``; the matrix (2 * small, small) that interpolates all of them
        from the small side; their weights (2, small) in the result.
    """
    dtype = torch.promote_types(like.dtype, torch.float32)
    unit = max(small - 1, 1)
    low = [i * (large - 1) // unit for i in range(small)]
    high = [min(pixel + 1, large - 1) for pixel in low]
    pixel = torch.arange(small, device=like.device)
    first = pixel * (large - 1) // unit
    share = (pixel * (large - 1) % unit).to(dtype) / unit
    read = torch.cat([first, (first + 1).clamp(max=large - 1)])
    distance = (read[:, None] * (small - 1) - pixel * (large - 1)).abs()
    matrix = 1 - distance.clamp(max=large - 1).to(dtype) / (large - 1)
    return [low, high], matrix, torch.stack([1 - share, share])


def _spans(halves: list[list[int]], start: int, stop: int) -> list[tuple[int, int]]:
    """Find the index ranges that hold the pixels from start to stop - 1.

    Args:
        halves (list[list[int]]): Pixels, each half in ascending order; indices
            count through the halves one after another.
        start (int): First pixel.
        stop (int): Pixel after the last one.
    """
    spans: list[tuple[int, int]] = []
    before = 0
    for half in halves:
        spans.append(
            (before + bisect_left(half, start), before + bisect_left(half, stop))
        )
        before += len(half)
    return spans
