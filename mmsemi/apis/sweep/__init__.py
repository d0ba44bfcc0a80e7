from .layout import Table
from .places import LocalPlaces
from .rows import Row
from .running import run_sweep
from .slurm import SlurmPlaces
from .sweep import Sweep, read_sweep
from .tables import tables

__all__ = [
    'LocalPlaces',
    'Row',
    'SlurmPlaces',
    'Sweep',
    'Table',
    'read_sweep',
    'run_sweep',
    'tables',
]
