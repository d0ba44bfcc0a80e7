"""Export trained networks to files that run without mmsemi."""

from .comparison import Comparison
from .export import Export, default_file, export
from .formats import FORMATS
from .graph import OUTPUTS

__all__ = ['FORMATS', 'OUTPUTS', 'Comparison', 'Export', 'default_file', 'export']
