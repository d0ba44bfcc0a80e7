from .places import LocalPlaces
from .rows import Row
from .running import run_sweep
from .sweep import Sweep, read_sweep

__all__ = ['LocalPlaces', 'Row', 'Sweep', 'read_sweep', 'run_sweep']
