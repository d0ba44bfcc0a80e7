from .config_text import differences
from .page import render, write_report
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
    'render',
    'write_report',
]
