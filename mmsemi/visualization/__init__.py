from .heat_map import heat_map
from .legend import draw_legend, draw_segmentation
from .masks import colorize, overlay, save_mask, viewable
from .teaching import draw_pseudo_label

__all__ = [
    'colorize',
    'draw_legend',
    'draw_pseudo_label',
    'draw_segmentation',
    'heat_map',
    'overlay',
    'save_mask',
    'viewable',
]
