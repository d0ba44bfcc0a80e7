from .confidence import WEIGHTINGS
from .cross_entropy import PixelCrossEntropyLoss, PixelOHEMLoss
from .divergence import masked_kl
from .functional import (
    cross_entropy,
    masked_cross_entropy,
    ohem_cross_entropy,
    pixel_cross_entropies,
)
from .rank import (
    RankCorrelationLoss,
    choose_landmarks,
    plackett_luce,
    rank_correlation_loss,
)

__all__ = [
    'PixelCrossEntropyLoss',
    'PixelOHEMLoss',
    'RankCorrelationLoss',
    'WEIGHTINGS',
    'choose_landmarks',
    'cross_entropy',
    'masked_cross_entropy',
    'masked_kl',
    'ohem_cross_entropy',
    'pixel_cross_entropies',
    'plackett_luce',
    'rank_correlation_loss',
]
