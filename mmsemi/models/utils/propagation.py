"""CorrMatch's label propagation: regions of correlated pixels that vote.

`CorrMatch: Label Propagation via Correlation Matching for Semi-Supervised
Semantic Segmentation <https://arxiv.org/abs/2306.04300>`_
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels resized at a time: on a CPU few enough to stay in its cache, elsewhere
# many enough to keep the device busy.
CHUNK = dict(cpu=2**21, other=2**24)


def random_positions(
    num: int, total: int, device: torch.device, with_last: bool = False
) -> Tensor:
    """Draw positions whose correlation makes the regions.

    Quirk: the released trainer never draws the last position.

    Args:
        num (int): How many, repetitions included.
        total (int): Positions of the map, 2 or more.
        device (torch.device): Where they are drawn.
        with_last (bool): Draw from all positions (corrected form).

    Returns:
        Tensor: int64 (num,).
    """
    return torch.randint(total if with_last else total - 1, (num,), device=device)


@torch.no_grad()
def region_masks(rows: Tensor, within: Tensor) -> Tensor:
    """The pixels that correlate most with each of K positions.

    A row of the correlation is resized to the image (bilinear,
    ``align_corners=True``) and stretched to 0..1 there; the region is what
    exceeds 0.5.  Only a few rows at a time are ever floats of full size.

    Args:
        rows (Tensor): Correlation of the positions with all, (B, K, h, w).
        within (Tensor): True where regions may lie, bool (B, H, W).  It cuts
            them, but has no part in the stretching.

    Returns:
        Tensor: bool (B, K, H, W).
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
            # In place: a CPU compares into floats, and makes booleans of
            # them, faster than it compares into booleans.
            masks[image, k : k + step] = corr.sub_(low).div_(span).gt_(0.5)
        masks[image] &= within[image]
    return masks


# An operator of its own, so that tracing sees one step whose outputs have known
# shapes, not a walk that depends on the contents.
@torch.library.custom_op('mmsemi::propagate_labels', mutates_args=())
def propagate_labels(
    label: Tensor, confident: Tensor, regions: Tensor, thresh: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Let regions of an image, one after the other, agree on a label.

    With A = the confident pixels of a region R: where ``|A| / |R| >= thresh``
    and the most frequent label of A (the smallest of several) has a share
    above ``thresh`` of A, all of R takes that label and is trusted.  A region
    sees the labels that those before it wrote; which pixels are confident is
    fixed.

    The first test does not look at labels, so it is done for all regions at
    once, and the walk visits what passed.  On a GPU the images walk side by
    side and only the number of steps is read from it.

    Args:
        label (Tensor): 0..num_classes-1, int64 (B, H, W).
        confident (Tensor): bool (B, H, W).
        regions (Tensor): bool (B, K, H, W), in order.
        thresh (Tensor): Scalar in [0, 1]; shares are compared in its dtype.
        num_classes (int): At most 255.

    Returns:
        tuple[Tensor, Tensor]: The new labels, int64 (B, H, W), and the pixels
        to trust, bool (B, H, W): the confident ones and the regions that
        agreed.
    """
    if label.device.type == 'cpu':
        walked = [
            _walk(*(t.numpy() for t in image), thresh.numpy())
            for image in zip(label, confident, regions)
        ]
        label, keep = zip(*walked)
        return tuple(torch.from_numpy(np.stack(images)) for images in (label, keep))
    return _walk_abreast(label, confident, regions, thresh, num_classes)


@propagate_labels.register_fake
def _(
    label: Tensor, confident: Tensor, regions: Tensor, thresh: Tensor, num_classes: int
) -> tuple[Tensor, Tensor]:
    return torch.empty_like(label), torch.empty_like(confident)


def _walk(
    label: np.ndarray, confident: np.ndarray, regions: np.ndarray, thresh: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`propagate_labels` of one image, on the host."""
    label, keep = label.copy(), confident.copy()
    cores = regions & confident
    # A sum over booleans would first make integers of them.
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
    """:func:`propagate_labels` of all images at once, on the device.

    A step is short, and what it costs is the number of its operations.
    """
    shape, (batch, num) = label.shape, regions.shape[:2]
    label, confident = label.clone().flatten(1), confident.flatten(1)
    regions = regions.flatten(2)
    size, trusted = (
        masks.sum(2).to(thresh.dtype)
        for masks in (regions, regions & confident[:, None])
    )
    passed = (trusted > 0) & (trusted / size >= thresh)
    # What passed comes first, in order; a step is a region of each image.
    order = passed.int().argsort(dim=1, descending=True, stable=True)
    first = num * torch.arange(batch, device=label.device)[:, None]
    places = (order + first).T[: int(passed.sum(1).max())].contiguous()
    needed = torch.where(
        passed, _votes_needed(trusted, thresh), label.size(1) + 1
    ).flatten()[places]

    rows, agreed = regions.flatten(0, 1), torch.zeros_like(passed).flatten()
    classes = torch.arange(num_classes, device=label.device)[:, None]
    for place, enough in zip(places, needed):
        region = rows.index_select(0, place)
        voters = torch.where(region & confident, label, num_classes)
        votes, winner = (voters[:, None] == classes).sum(2).max(1)
        agree = votes >= enough
        label = torch.where(region & agree[:, None], winner[:, None], label)
        agreed.index_copy_(0, place, agree)
    keep = confident | (regions & agreed.view(batch, num, 1)).any(1)
    return label.view(shape), keep.view(shape)


def _votes_needed(trusted: Tensor, thresh: Tensor) -> Tensor:
    """The fewest votes v of which ``v / trusted > thresh``, int64.

    As the division rounds: the few whole numbers that may be it are tried.
    """
    tried = (thresh * trusted).floor()[..., None] + torch.arange(
        -1, 3, device=trusted.device
    )
    enough = tried / trusted[..., None] > thresh
    return (tried[..., 0] + (~enough).sum(-1)).long()
