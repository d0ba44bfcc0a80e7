from .augseg import AugSeg
from .balancedmatch import BalancedMatch
from .base import SemiSegmentor
from .corrmatch import CorrMatch
from .cps import CPS
from .fixmatch import FixMatch
from .meanteacher import MeanTeacher
from .prevmatch import PrevMatch
from .rankmatch import RankMatch
from .supervised import Supervised
from .unimatch import UniMatch
from .unimatchv2 import UniMatchV2

__all__ = [
    'AugSeg',
    'BalancedMatch',
    'CPS',
    'CorrMatch',
    'FixMatch',
    'MeanTeacher',
    'PrevMatch',
    'RankMatch',
    'SemiSegmentor',
    'Supervised',
    'UniMatch',
    'UniMatchV2',
]
