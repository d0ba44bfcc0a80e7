from .confidence import WEIGHTINGS
from .cross_entropy import PixelCrossEntropyLoss, PixelFocalLoss, PixelOHEMLoss
from .divergence import masked_kl, squared_distance
from .functional import (
    cross_entropy,
    focal_loss,
    masked_cross_entropy,
    ohem_cross_entropy,
    pixel_cross_entropies,
)
from .overlap import dice_loss, lovasz_softmax, tversky_loss
from .pixel_loss import PixelLoss
from .rank import (
    RankCorrelationLoss,
    choose_landmarks,
    plackett_luce,
    rank_correlation_loss,
)
from .region import PixelDiceLoss, PixelLovaszLoss, PixelTverskyLoss
from .stock import apply_criterion, check_criteria, criteria_of

__all__ = [
    'PixelCrossEntropyLoss',
    'PixelDiceLoss',
    'PixelFocalLoss',
    'PixelLovaszLoss',
    'PixelOHEMLoss',
    'PixelTverskyLoss',
    'RankCorrelationLoss',
    'WEIGHTINGS',
    'apply_criterion',
    'check_criteria',
    'PixelLoss',
    'choose_landmarks',
    'criteria_of',
    'cross_entropy',
    'dice_loss',
    'focal_loss',
    'lovasz_softmax',
    'masked_cross_entropy',
    'masked_kl',
    'ohem_cross_entropy',
    'pixel_cross_entropies',
    'plackett_luce',
    'rank_correlation_loss',
    'squared_distance',
    'tversky_loss',
]
