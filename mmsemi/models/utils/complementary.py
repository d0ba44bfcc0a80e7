"""Complementary channel dropout of a pair of views."""

from collections.abc import Sequence

import torch
from torch import Tensor


def draw_ranks(num: int, device: torch.device) -> Tensor:
    """Draw the rank 0..num-1 of each pair, int64 (num,); the first stay whole."""
    return torch.randperm(num, device=device)


def draw_channels(num: int, channels: int, like: Tensor) -> Tensor:
    """Draw the channels that view 1 of each pair keeps: 0 or 1, (num, channels)."""
    return torch.empty(num, channels, dtype=like.dtype, device=like.device).bernoulli_()


def complementary_dropout(
    feats: Sequence[Tensor], whole: float = 0.5, round_down: bool = True
) -> list[Tensor]:
    """Let each view of a pair keep the channels that the other one drops.

    A channel is kept by one of the two views, drawn with probability 1/2, at
    double scale.  Levels with one number of channels share the draws (a ViT);
    otherwise each level has its own (a CNN).  A random share of the pairs is
    left as it is, in both views and on all levels.

    Source: `UniMatch V2 <https://arxiv.org/abs/2410.10777>`_, section 3.4, and
    its released code.

    Args:
        feats (Sequence[Tensor]): Levels (2B, C, h, w): the first views of B
            images, then their second views.
        whole (float): Share of the pairs without dropout, in [0, 1].
            Defaults to 0.5.
        round_down (bool): Leave ``floor(whole * B)`` pairs as they are, as
            released, which is none if B is 1; otherwise ``whole * B`` on
            average.  Defaults to True.

    Returns:
        list[Tensor]: Like ``feats``.
    """
    pairs, device = len(feats[0]) // 2, feats[0].device
    ranks = draw_ranks(pairs, device)
    if round_down:
        kept = ranks < int(whole * pairs)
    else:
        kept = ranks + torch.rand(1, device=device) < whole * pairs
    channels = [feat.shape[1] for feat in feats]
    shared = len(set(channels)) == 1
    scales: list[Tensor] = []
    for feat in feats:
        if not shared or not scales:
            first = 2 * draw_channels(pairs, feat.shape[1], feat)
            both = torch.stack([first, 2 - first])
            both = both.masked_fill(kept[:, None], 1)
            scales.append(both.flatten(0, 1))
    if shared:
        scales *= len(feats)
    return [
        feat * scale.reshape(*scale.shape, *[1] * (feat.dim() - 2))
        for feat, scale in zip(feats, scales, strict=True)
    ]
