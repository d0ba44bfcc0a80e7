from .base import SemiSegmentor
from .fixmatch import FixMatch
from .rankmatch import RankMatch
from .supervised import Supervised
from .unimatch import UniMatch

__all__ = ['FixMatch', 'RankMatch', 'SemiSegmentor', 'Supervised', 'UniMatch']
