from .confidence import draw_reliability, draw_thresholds
from .confusion import draw_confusion
from .heat_map import heat_map
from .legend import draw_legend, draw_segmentation
from .masks import colorize, overlay, save_mask, viewable
from .samples import Panel, draw_sample, note
from .teaching import draw_pseudo_label

__all__ = [
    'Panel',
    'colorize',
    'draw_confusion',
    'draw_legend',
    'draw_pseudo_label',
    'draw_reliability',
    'draw_sample',
    'draw_segmentation',
    'draw_thresholds',
    'heat_map',
    'note',
    'overlay',
    'save_mask',
    'viewable',
]
