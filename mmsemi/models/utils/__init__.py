from .mixing import box_mask, cutmix, cutmix_features
from .pseudo_label import PseudoLabel, masked_ce
from .windows import probability_windows

__all__ = [
    'PseudoLabel', 'box_mask', 'cutmix', 'cutmix_features', 'masked_ce',
    'probability_windows'
]
