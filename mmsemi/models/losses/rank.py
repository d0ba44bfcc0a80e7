"""Compute the correlation term of RankMatch.

`RankMatch: Exploring the Better Consistency Regularization for
Semi-supervised Semantic Segmentation
<https://openaccess.thecvf.com/content/CVPR2024/html/
Mai_RankMatch_Exploring_the_Better_Consistency_Regularization_for_
Semi-supervised_Semantic_Segmentation_CVPR_2024_paper.html>`_.
"""

from itertools import combinations, permutations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsemi.registry import MODELS

EPS = 1e-10


@torch.no_grad()
def choose_landmarks(
    feat: Tensor, num: int = 64, start: Tensor | None = None
) -> Tensor:
    """Choose positions whose features point in very different directions.

    Starting from one position, each step adds the position whose largest
    absolute cosine similarity to the chosen ones is smallest.  The largest
    similarity is kept from step to step, so only the newest landmark has to be
    compared.

    Args:
        feat (Tensor): (B, C, h, w).
        num (int): Number of positions, at most h * w.  Defaults to 64.
        start (Tensor, optional): First position of each image in 0..h*w-1,
            int64 (B,).  Random by default.

    Returns:
        Tensor: Distinct positions in ascending order, int64 (B, num).

    Raises:
        ValueError: If the map has fewer than ``num`` positions.
    """
    height, width = feat.shape[2:]
    if num > height * width:
        raise ValueError(
            f'{num} landmarks need as many positions, but the feature map is '
            f'{height}x{width}: lower num_landmarks to {height * width} or '
            'enlarge the crop'
        )
    unit = F.normalize(feat.flatten(2), dim=1)
    batch, _, positions = unit.shape
    if start is None:
        start = torch.randint(positions, (batch,), device=feat.device)
    chosen = [start]
    largest = unit.new_zeros(batch, positions)
    for _ in range(num - 1):
        newest = chosen[-1][:, None]  # (B, 1)
        landmark = unit.gather(2, newest[:, None].expand(-1, unit.size(1), 1))
        cosine = (landmark.mT @ unit).squeeze(1).abs()
        largest = torch.maximum(largest, cosine)
        largest.scatter_(1, newest, torch.inf)  # never chosen twice
        chosen.append(largest.argmin(dim=1))
    return torch.stack(chosen, dim=1).sort(dim=1).values


def plackett_luce(p: Tensor) -> Tensor:
    """Compute the Plackett-Luce probability of every ordering of K items.

    An ordering places the items one after another, item i with probability
    ``p_i / (sum over the items not yet placed + 1e-10)``.  This factor depends
    only on the *set* of items not yet placed, and orderings with the same
    beginning share their first factors, so both are computed once.

    Args:
        p (Tensor): Non-negative scores of the items, (B, K, N).

    Returns:
        Tensor: (B, K!, N), in the order of ``itertools.permutations``.
    """
    score = p.unbind(dim=1)
    items = range(len(score))
    rest: dict[tuple[int, ...], Any] = {(): EPS}  # sums over subsets
    for size in range(1, len(score) + 1):
        for left in combinations(items, size):
            rest[left] = rest[left[:-1]] + score[left[-1]]

    prob = torch.ones_like(p[:, :1])
    for placed in range(len(score)):  # prob: (B, ordered choices of `placed`, N)
        unplaced = [
            tuple(i for i in items if i not in order)
            for order in permutations(items, placed)
        ]
        prob = prob / torch.stack([rest[left] for left in unplaced], dim=1)
        following = torch.stack(
            [score[i] for left in unplaced for i in left], dim=1
        ).unflatten(1, (len(unplaced), -1))
        prob = (prob[:, :, None] * following).flatten(1, 2)
    return prob


def rank_correlation_loss(
    weak: Tensor,
    strong: Tensor,
    num_landmarks: int = 64,
    top: int = 4,
    start: Tensor | None = None,
    similarity: str = 'dot',
    temperature: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Compare how both views rank each pixel's nearest landmarks.

    The landmarks are positions chosen on the weak view; each view uses its own
    features there.  In each view a softmax turns a pixel's similarities to the
    landmarks into probabilities.  The probabilities of the ``top`` landmarks
    that are nearest in the weak view define a Plackett-Luce distribution over
    all orderings of these landmarks.  The loss is the KL divergence from the
    weak view's distribution to the strong view's, with 1e-10 added inside the
    strong logarithm, averaged over images, pixels *and orderings*.

    Quirk of the released trainer, and the default: dot products of features
    at their usual scale saturate the softmax.  One landmark then has all the
    mass, every ordering has probability 0, and the loss and its gradient are
    exactly 0.  A mass of 1 shows that this has happened;
    ``similarity='cosine'`` avoids it.

    Args:
        weak (Tensor): Features of the weak view, (B, C, h, w).  No gradient
            flows into them.
        strong (Tensor): Features of the strong view, (B, C, h, w).
        num_landmarks (int): At most h * w.  Defaults to 64.
        top (int): Landmarks ranked at each pixel; they have top! orderings.
            Defaults to 4.
        start (Tensor, optional): First landmark of each image, int64 (B,).
            Random by default.
        similarity (str): 'dot' or 'cosine'.  Defaults to 'dot'.
        temperature (float, optional): Divides the similarities.  Defaults to
            1 for 'dot', as released, and to 0.1 for 'cosine'.

    Returns:
        tuple[Tensor, Tensor]: Two scalars: the loss, and the mass in [0, 1]
        that the weak view's softmax gives to the ``top`` landmarks, averaged
        over the pixels, without gradient.

    Raises:
        ValueError: If ``similarity`` is unknown, ``top`` exceeds
            ``num_landmarks``, or the feature map has fewer positions than
            ``num_landmarks``.
    """
    if similarity not in ('dot', 'cosine'):
        raise ValueError(f"similarity must be 'dot' or 'cosine', got {similarity!r}")
    if top > num_landmarks:
        raise ValueError(
            f'top={top} landmarks cannot be ranked among '
            f'num_landmarks={num_landmarks}: lower top'
        )
    if temperature is None:
        temperature = 0.1 if similarity == 'cosine' else 1.0
    dtype = torch.promote_types(strong.dtype, torch.float32)
    with torch.autocast(strong.device.type, enabled=False):
        weak = weak.detach().to(dtype)
        strong = strong.to(dtype)
        landmarks = choose_landmarks(weak, num_landmarks, start)
        prob_weak, prob_strong = (
            _landmark_prob(feat, landmarks, similarity, temperature)
            for feat in (weak, strong)
        )
        prob_weak, nearest = prob_weak.topk(top, dim=1)
        prob_strong = prob_strong.gather(1, nearest)
        rank_weak = plackett_luce(prob_weak)
        rank_strong = plackett_luce(prob_strong)
        divergence = (
            torch.xlogy(rank_weak, rank_weak) - rank_weak * (rank_strong + EPS).log()
        )
        return divergence.mean(), prob_weak.sum(dim=1).mean()


def _landmark_prob(
    feat: Tensor, landmarks: Tensor, similarity: str, temperature: float
) -> Tensor:
    """Compute each pixel's softmax over the landmarks: (B, landmarks, h * w)."""
    feat = feat.flatten(2)
    if similarity == 'cosine':
        feat = F.normalize(feat, dim=1)
    index = landmarks[:, None].expand(-1, feat.size(1), -1)
    score = feat.gather(2, index).mT @ feat
    return (score / temperature).softmax(dim=1)


@MODELS.register_module()
class RankCorrelationLoss(nn.Module):
    """Compute the correlation term of RankMatch.

    See :func:`rank_correlation_loss`.

    Args:
        num_landmarks (int): At most the number of positions of the feature
            map.  Defaults to 64.
        top (int): Landmarks ranked at each pixel; they have top! orderings.
            Defaults to 4.
        similarity (str): 'dot' (as released; saturates) or 'cosine'
            (corrected).  Defaults to 'dot'.
        temperature (float, optional): Divides the similarities.  Defaults to
            1 for 'dot', as released, and to 0.1 for 'cosine'.
        loss_weight (float): Factor of the loss.  Defaults to 1.0.
    """

    def __init__(
        self,
        num_landmarks: int = 64,
        top: int = 4,
        similarity: str = 'dot',
        temperature: float | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.num_landmarks = num_landmarks
        self.top = top
        self.similarity = similarity
        self.temperature = temperature
        self.loss_weight = loss_weight

    def forward(
        self, weak: Tensor, strong: Tensor, start: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the weighted loss of both views' features.

        Args:
            weak (Tensor): Features of the weak view, (B, C, h, w).
            strong (Tensor): Features of the strong view, (B, C, h, w).
            start (Tensor, optional): First landmark of each image, int64
                (B,).  Random by default.

        Returns:
            tuple[Tensor, Tensor]: The weighted loss and the mass of the
            ranked landmarks, two scalars.

        Raises:
            ValueError: As in :func:`rank_correlation_loss`.
        """
        loss, mass = rank_correlation_loss(
            weak,
            strong,
            self.num_landmarks,
            self.top,
            start,
            self.similarity,
            self.temperature,
        )
        return self.loss_weight * loss, mass
