from .cross_entropy import PixelCrossEntropyLoss, PixelOHEMLoss
from .functional import (cross_entropy, masked_cross_entropy,
                         ohem_cross_entropy)
from .rank import (RankCorrelationLoss, choose_landmarks, plackett_luce,
                   rank_correlation_loss)

__all__ = [
    'PixelCrossEntropyLoss', 'PixelOHEMLoss', 'RankCorrelationLoss',
    'choose_landmarks', 'cross_entropy', 'masked_cross_entropy',
    'ohem_cross_entropy', 'plackett_luce', 'rank_correlation_loss'
]
