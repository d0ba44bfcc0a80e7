"""The correlation term of RankMatch.

`RankMatch: Exploring the Better Consistency Regularization for
Semi-supervised Semantic Segmentation
<https://openaccess.thecvf.com/content/CVPR2024/html/
Mai_RankMatch_Exploring_the_Better_Consistency_Regularization_for_
Semi-supervised_Semantic_Segmentation_CVPR_2024_paper.html>`_.
"""

from itertools import combinations, permutations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsemi.registry import MODELS

EPS = 1e-10


@torch.no_grad()
def choose_landmarks(
    feat: Tensor, num: int = 64, start: Tensor | None = None
) -> Tensor:
    """Choose positions whose features point in directions far apart.

    From a first position on, the next one is always that whose largest
    absolute cosine to the chosen ones is smallest.  That largest cosine is
    carried along, so each step compares with the newest landmark only.

    Args:
        feat (Tensor): (B, C, h, w).
        num (int): Number of positions, at most h * w.  Defaults to 64.
        start (Tensor, optional): First position of every image in 0..h*w-1,
            int64 (B,).  Drawn at random where not given.

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
    """Plackett-Luce probability of every ordering of K items.

    An ordering places one item after the other, each with probability
    ``p_i / (sum of the items not yet placed + 1e-10)``.  That depends on the
    *set* of those not yet placed alone, and orderings that begin alike share
    their first factors.

    Args:
        p (Tensor): Non-negative scores of the items, (B, K, N).

    Returns:
        Tensor: (B, K!, N), orderings as ``itertools.permutations`` has them.
    """
    score = p.unbind(dim=1)
    items = range(len(score))
    rest = {(): EPS}
    for size in range(1, len(score) + 1):
        for left in combinations(items, size):
            rest[left] = rest[left[:-1]] + score[left[-1]]

    prob = torch.ones_like(p[:, :1])
    for placed in range(len(score)):  # prob: (B, ways to place so many, N)
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
    """Agreement of two views on how pixels rank their nearest landmarks.

    In either view a pixel's similarities to the landmarks, the features of
    that view at positions chosen on the weak one, become probabilities by a
    softmax.  Those of the ``top`` landmarks nearest in the weak view give
    every ordering of them a Plackett-Luce probability.  The loss is the KL
    divergence of the strong view's orderings from the weak view's, with
    1e-10 added inside the strong logarithm, mean over images, pixels *and
    orderings*.

    Quirk of the released trainer, and the default: dot products of features
    at their ordinary scale saturate the softmax.  One landmark then has all
    the mass, every ordering has probability 0, and value and gradient are
    exactly 0.  A mass of 1 gives the dead term away;
    ``similarity='cosine'`` is the cure.

    Args:
        weak (Tensor): Features of the weak view, (B, C, h, w); no gradient
            flows into them.
        strong (Tensor): Features of the strong view, (B, C, h, w).
        num_landmarks (int): At most h * w.  Defaults to 64.
        top (int): Landmarks ranked at every pixel; top! orderings.  Defaults
            to 4.
        start (Tensor, optional): First landmark of every image, int64 (B,);
            random where not given.
        similarity (str): 'dot' or 'cosine'.  Defaults to 'dot'.
        temperature (float, optional): Divides the similarities.  Defaults to
            1 for 'dot', as released, and to 0.1 for 'cosine'.

    Returns:
        tuple: Two scalars, the loss and, without gradient, the mean over
        pixels of the mass in 0..1 that the weak view's softmax gives to the
        ``top`` landmarks together.

    Raises:
        ValueError: If ``similarity`` is unknown, ``top`` exceeds
            ``num_landmarks``, or the map has fewer positions than that.
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
    """Softmax over the landmarks at every pixel: (B, landmarks, h * w)."""
    feat = feat.flatten(2)
    if similarity == 'cosine':
        feat = F.normalize(feat, dim=1)
    index = landmarks[:, None].expand(-1, feat.size(1), -1)
    score = feat.gather(2, index).mT @ feat
    return (score / temperature).softmax(dim=1)


@MODELS.register_module()
class RankCorrelationLoss(nn.Module):
    """The correlation term of RankMatch, see :func:`rank_correlation_loss`.

    Args:
        num_landmarks (int): At most the number of positions of the map.
            Defaults to 64.
        top (int): Landmarks ranked at every pixel; top! orderings.  Defaults
            to 4.
        similarity (str): 'dot' (released, saturates) or 'cosine'
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
    ):
        super().__init__()
        self.num_landmarks = num_landmarks
        self.top = top
        self.similarity = similarity
        self.temperature = temperature
        self.loss_weight = loss_weight

    def forward(
        self, weak: Tensor, strong: Tensor, start: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Weighted loss and mass of features (B, C, h, w) of both views."""
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
