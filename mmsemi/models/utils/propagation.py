"""CorrMatch's label propagation: regions of correlated pixels vote on a label.

`CorrMatch: Label Propagation via Correlation Matching for Semi-Supervised
Semantic Segmentation <https://arxiv.org/abs/2306.04300>`_
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels resized at once: few enough for a CPU's cache, many enough to keep any
# other device busy.
CHUNK = dict(cpu=2**21, other=2**24)


def random_positions(
    num: int, total: int, device: torch.device, with_last: bool = False
) -> Tensor:
    """Draw the positions from whose correlation the regions are made.

    Quirk of the released trainer, and the default: the last position is never
    drawn.

    Args:
        num (int): Number of positions; they may repeat.
        total (int): Positions of the feature map, 2 or more.
        device (torch.device): Device to draw on.
        with_last (bool): Whether to draw from all positions (corrected).
            Defaults to False.

    Returns:
        Tensor: Positions in 0..total-1, int64 (num,).
    """
    return torch.randint(total if with_last else total - 1, (num,), device=device)


@torch.no_grad()
def region_masks(rows: Tensor, within: Tensor) -> Tensor:
    """Select the pixels that correlate most with each of K positions.

    A row of the correlation is resized to the image (bilinear,
    ``align_corners=True``) and scaled there to the range [0, 1]; its region is
    where it exceeds 0.5.  To save memory only a few rows are resized at once.

    Args:
        rows (Tensor): Correlation of the positions with all others,
            (B, K, h, w).
        within (Tensor): True where regions may lie, bool (B, H, W).  It is
            applied after the scaling.

    Returns:
        Tensor: Regions, bool (B, K, H, W).
    """
    num, size = rows.size(1), within.shape[1:]
    chunk = CHUNK.get(rows.device.type, CHUNK['other'])
    step = max(1, chunk // size.numel())
    masks = within.new_empty(len(rows), num, *size)
    for image in range(len(rows)):
        for k in range(0, num, step):
            corr = F.interpolate(
                rows[image, None, k : k + step],
                size,
                mode='bilinear',
                align_corners=True,
            )[0]
            low = corr.amin((1, 2), keepdim=True)
            span = corr.amax((1, 2), keepdim=True) - low
            # In place: on a CPU, comparing into floats and casting these to
            # booleans is faster than comparing into booleans.
            masks[image, k : k + step] = corr.sub_(low).div_(span).gt_(0.5)
        masks[image] &= within[image]
    return masks


# An operator of its own, so that tracing sees one step whose outputs have known
# shapes, not a walk that depends on the contents.
@torch.library.custom_op('mmsemi::propagate_labels', mutates_args=())
def propagate_labels(
    label: Tensor, confident: Tensor, regions: Tensor, thresh: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Give each region of an image the label that its confident pixels share.

    Let A be the confident pixels of a region R.  If ``|A| / |R| >= thresh``
    and the most frequent label of A (the smallest of several) has a share
    above ``thresh`` in A, all of R gets that label and is trusted.  The regions
    are processed in order, so a region sees the labels that the earlier ones
    have written; the confident pixels stay the same.

    The first condition does not depend on the labels: it is tested for all
    regions at once, and only the regions that pass are processed.  On a GPU
    all images are processed in parallel, and only the number of steps is read
    back.

    Args:
        label (Tensor): Labels in 0..num_classes-1, int64 (B, H, W).
        confident (Tensor): bool (B, H, W).
        regions (Tensor): In the order of processing, bool (B, K, H, W).
        thresh (Tensor): Scalar in [0, 1]; shares are compared in its dtype.
        num_classes (int): At most 255.

    Returns:
        tuple[Tensor, Tensor]: The new labels, int64 (B, H, W), and the trusted
        pixels, bool (B, H, W): the confident ones and the relabeled regions.
    """
    if label.device.type == 'cpu':
        labels, keeps = zip(
            *(
                _walk(own.numpy(), sure.numpy(), masks.numpy(), thresh.numpy())
                for own, sure, masks in zip(label, confident, regions, strict=True)
            ),
            strict=True,
        )
        return torch.from_numpy(np.stack(labels)), torch.from_numpy(np.stack(keeps))
    return _walk_abreast(label, confident, regions, thresh, num_classes)


@propagate_labels.register_fake
def _(
    label: Tensor, confident: Tensor, regions: Tensor, thresh: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(label), torch.empty_like(confident)


def _walk(
    label: np.ndarray, confident: np.ndarray, regions: np.ndarray, thresh: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Run :func:`propagate_labels` for one image, on the CPU."""
    label, keep = label.copy(), confident.copy()
    cores = regions & confident
    # Counting is faster than a sum, which would convert the booleans first.
    size, trusted = (
        np.array([np.count_nonzero(mask) for mask in masks], thresh.dtype)
        for masks in (regions, cores)
    )
    passed = (trusted > 0) & (trusted / size.clip(min=1) >= thresh)
    for k in np.flatnonzero(passed):
        votes = np.bincount(label[cores[k]])
        winner = votes.argmax()
        if votes[winner].astype(thresh.dtype) / trusted[k] > thresh:
            label[regions[k]] = winner
            keep |= regions[k]
    return label, keep


def _walk_abreast(
    label: Tensor, confident: Tensor, regions: Tensor, thresh: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Run :func:`propagate_labels` for all images at once, on the device.

    The tensors of a step are small: its time is the number of its operations.
    """
    shape, (batch, num) = label.shape, regions.shape[:2]
    label, confident = label.clone().flatten(1), confident.flatten(1)
    regions = regions.flatten(2)
    size, trusted = (
        masks.sum(2).to(thresh.dtype)
        for masks in (regions, regions & confident[:, None])
    )
    passed = (trusted > 0) & (trusted / size >= thresh)
    # Regions that passed come first, in order; a step takes one of each image.
    order = passed.int().argsort(dim=1, descending=True, stable=True)
    first = num * torch.arange(batch, device=label.device)[:, None]
    places = (order + first).T[: int(passed.sum(1).max())].contiguous()
    needed = torch.where(
        passed, _votes_needed(trusted, thresh), label.size(1) + 1
    ).flatten()[places]

    rows, agreed = regions.flatten(0, 1), torch.zeros_like(passed).flatten()
    classes = torch.arange(num_classes, device=label.device)[:, None]
    for place, enough in zip(places, needed, strict=True):
        region = rows.index_select(0, place)
        voters = torch.where(region & confident, label, num_classes)
        votes, winner = (voters[:, None] == classes).sum(2).max(1)
        agree = votes >= enough
        label = torch.where(region & agree[:, None], winner[:, None], label)
        agreed.index_copy_(0, place, agree)
    keep = confident | (regions & agreed.view(batch, num, 1)).any(1)
    return label.view(shape), keep.view(shape)


def _votes_needed(trusted: Tensor, thresh: Tensor) -> Tensor:
    """Compute the smallest number of votes v with ``v / trusted > thresh``, int64.

    The four whole numbers next to the product are tried, as only the rounded
    division itself decides.
    """
    tried = (thresh * trusted).floor()[..., None] + torch.arange(
        -1, 3, device=trusted.device
    )
    enough = tried / trusted[..., None] > thresh
    return (tried[..., 0] + (~enough).sum(-1)).long()
