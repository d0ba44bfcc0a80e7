from .comparison import Comparison, missing_pieces
from .config_text import differences
from .page import render, write_report
from .reader import read_run, read_runs
from .run import Picture, Point, Run, Validation

__all__ = [
    'Comparison',
    'Picture',
    'Point',
    'Run',
    'Validation',
    'differences',
    'missing_pieces',
    'read_run',
    'read_runs',
    'render',
    'write_report',
]
