from .heat_map import heat_map
from .masks import colorize, overlay, save_mask, viewable

__all__ = ['colorize', 'heat_map', 'overlay', 'save_mask', 'viewable']
