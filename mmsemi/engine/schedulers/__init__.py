from .iter_poly_lr import IterPolyLR
from .loop_units import follow_loop
from .resumed import follow_config
from .span import span_training, unspanned

__all__ = ['IterPolyLR', 'follow_config', 'follow_loop', 'span_training', 'unspanned']
