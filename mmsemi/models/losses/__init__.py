from .confidence import WEIGHTINGS, confidence_weighted_ce
from .cross_entropy import PixelCrossEntropyLoss, PixelOHEMLoss
from .divergence import masked_kl
from .functional import (cross_entropy, masked_cross_entropy,
                         ohem_cross_entropy)
from .rank import (RankCorrelationLoss, choose_landmarks, plackett_luce,
                   rank_correlation_loss)

__all__ = [
    'PixelCrossEntropyLoss', 'PixelOHEMLoss', 'RankCorrelationLoss',
    'WEIGHTINGS', 'choose_landmarks', 'confidence_weighted_ce',
    'cross_entropy', 'masked_cross_entropy', 'masked_kl', 'ohem_cross_entropy',
    'plackett_luce', 'rank_correlation_loss'
]
