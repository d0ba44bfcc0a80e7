from .bicubic import cubic_matrix
from .class_balance import ClassBalance
from .complementary import complementary_dropout
from .correlation import CorrelationBlock
from .guidance import Guidance, ema_guidance
from .mixing import cutmix, cutmix_features, outside, toggled
from .propagation import propagate_labels, random_positions, region_masks
from .pseudo_label import PseudoLabel, confident_ce
from .reliability import snapshot_reliability
from .strong_view import strong_view
from .symptom import Symptom
from .threshold import AdaptiveThreshold
from .tta import tta_probabilities
from .windows import at_multiple, mean_logit_windows, probability_windows

__all__ = [
    'AdaptiveThreshold',
    'ClassBalance',
    'CorrelationBlock',
    'Guidance',
    'PseudoLabel',
    'Symptom',
    'at_multiple',
    'complementary_dropout',
    'confident_ce',
    'cubic_matrix',
    'cutmix',
    'cutmix_features',
    'ema_guidance',
    'mean_logit_windows',
    'outside',
    'probability_windows',
    'propagate_labels',
    'random_positions',
    'region_masks',
    'snapshot_reliability',
    'strong_view',
    'toggled',
    'tta_probabilities',
]
