from .config_text import differences
from .reader import read_run, read_runs
from .run import Picture, Point, Run, Validation

__all__ = [
    'Picture',
    'Point',
    'Run',
    'Validation',
    'differences',
    'read_run',
    'read_runs',
]
