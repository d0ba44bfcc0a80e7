from .base import SemiSegmentor
from .corrmatch import CorrMatch
from .fixmatch import FixMatch
from .prevmatch import PrevMatch
from .rankmatch import RankMatch
from .supervised import Supervised
from .unimatch import UniMatch

__all__ = [
    'CorrMatch',
    'FixMatch',
    'PrevMatch',
    'RankMatch',
    'SemiSegmentor',
    'Supervised',
    'UniMatch',
]
