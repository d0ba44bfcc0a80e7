"""Losses of whole classes, from the overlap of prediction and mask.

Pure functions of logits and masks.  The overlap of a class is counted over all
labeled pixels of this process's batch, with softmax probabilities.  A class
counts if the masks of the batch contain it; with ``classes='all'`` every class
counts.  The mean over the classes is weighted if there are class weights.  All
compute in float32 or wider, under autocast too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def dice_loss(
    logits: Tensor,
    mask: Tensor,
    smooth: float = 1.0,
    classes: str = 'present',
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Compute the soft Dice loss, averaged over classes.

    The loss of a class is ``1 - (2 sum(p g) + smooth) / (sum(p^2) + sum(g^2) +
    smooth)``, with probabilities p and masks g, 0 or 1, as in `V-Net
    <https://arxiv.org/abs/1606.04797>`_ (section 3), which has no ``smooth``.

    Args:
        logits (Tensor): (B, C, S, S).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
        smooth (float): Added to both sides of the fraction; above 0.
            Defaults to 1.0.
        classes (str): 'present' or 'all'.  Defaults to 'present'.
        ignore_index (int): Marks pixels without a label.  Defaults to 255.
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is labeled.
    """
    prob, truth = _labeled(logits, mask, ignore_index)
    both = (prob * truth).sum(1)
    squares = prob.square().sum(1) + truth.sum(1)
    loss = 1 - (2 * both + smooth) / (squares + smooth)
    return _mean_over_classes(loss, truth, classes, class_weight)


def tversky_loss(
    logits: Tensor,
    mask: Tensor,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 1.0,
    classes: str = 'present',
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Compute the Tversky loss, averaged over classes.

    The loss of a class is ``1 - (TP + smooth) / (TP + alpha FP + beta FN +
    smooth)``, counted with probabilities (`Tversky loss function for image
    segmentation <https://arxiv.org/abs/1706.05721>`_, equation 3, which has
    no ``smooth``).  With ``beta`` above ``alpha``, missed pixels cost more
    than false ones; with both 0.5 it is a Dice loss without squares.

    Args:
        logits (Tensor): (B, C, S, S).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
        alpha (float): Weight of false positives, 0 or more.  Defaults to 0.3.
        beta (float): Weight of false negatives, 0 or more.  Defaults to 0.7.
        smooth (float): Added to both sides of the fraction; above 0.
            Defaults to 1.0.
        classes (str): 'present' or 'all'.  Defaults to 'present'.
        ignore_index (int): Marks pixels without a label.  Defaults to 255.
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is labeled.
    """
    prob, truth = _labeled(logits, mask, ignore_index)
    hit = (prob * truth).sum(1)
    false = prob.sum(1) - hit
    missed = truth.sum(1) - hit
    loss = 1 - (hit + smooth) / (hit + alpha * false + beta * missed + smooth)
    return _mean_over_classes(loss, truth, classes, class_weight)


def lovasz_softmax(
    logits: Tensor,
    mask: Tensor,
    classes: str = 'present',
    ignore_index: int = 255,
    class_weight: Tensor | None = None,
) -> Tensor:
    """Compute the Lovász-Softmax loss, averaged over classes.

    The convex surrogate of ``1 - IoU`` of `The Lovász-Softmax loss
    <https://arxiv.org/abs/1705.08790>`_, equations 8 and 9: the errors of a
    class's pixels, sorted, times what each adds to the Jaccard loss.

    The device reports once which classes there are, so that only these are
    sorted.

    Args:
        logits (Tensor): (B, C, S, S).
        mask (Tensor): Classes 0..C-1 or ``ignore_index``, (B, S, S).
        classes (str): 'present' or 'all'.  Defaults to 'present'.
        ignore_index (int): Marks pixels without a label.  Defaults to 255.
        class_weight (Tensor, optional): Weight of each class, (C,).

    Returns:
        Tensor: Scalar; 0 with a zero gradient if no pixel is labeled.
    """
    prob, truth = _labeled(logits, mask, ignore_index)
    present = truth.amax(1) > 0
    counted = present.nonzero()[:, 0].tolist()
    if classes == 'all':
        counted = list(range(len(truth)))
    # Ignored pixels have error 0: they are sorted last and add nothing.
    losses = torch.stack(
        [
            _jaccard(prob[c], truth[c]) if c in counted else 0 * prob[c].sum()
            for c in range(len(truth))
        ]
    )
    return _mean_over_classes(losses, truth, classes, class_weight)


def _jaccard(prob: Tensor, truth: Tensor) -> Tensor:
    """Evaluate the Lovász extension of a class's Jaccard loss at its errors."""
    errors, order = (truth - prob).abs().sort(descending=True)
    hits = truth[order]
    total = hits.sum()
    missed = hits.cumsum(0)
    jaccard = 1 - (total - missed) / (total + (1 - hits).cumsum(0))
    steps = jaccard.diff(prepend=jaccard.new_zeros(1))
    return (errors * steps).sum()


def _labeled(logits: Tensor, mask: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return probabilities and masks of each class, (C, N), 0 where ignored."""
    dtype = torch.promote_types(logits.dtype, torch.float32)
    num_classes = logits.shape[1]
    labeled = mask != ignore_index
    prob = logits.softmax(1, dtype=dtype) * labeled[:, None]
    truth = F.one_hot(mask.long().masked_fill(~labeled, 0), num_classes)
    truth = truth.movedim(-1, 0).to(dtype) * labeled
    return prob.movedim(1, 0).flatten(1), truth.flatten(1)


def _mean_over_classes(
    losses: Tensor, truth: Tensor, classes: str, class_weight: Tensor | None
) -> Tensor:
    """Average the losses (C,) of the classes that count."""
    found = truth.amax(1) > 0
    counts = found if classes == 'present' else found.any().expand_as(found)
    weights = counts.to(losses.dtype)
    if class_weight is not None:
        weights = weights * class_weight
    total = weights.sum()
    return (losses * weights).sum() / torch.where(total > 0, total, 1)
