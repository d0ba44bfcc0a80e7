"""Analyze the predictions of a network on images with masks."""

from .analyze import Analysis, analyze
from .show import show
from .write import write_analysis

__all__ = ['Analysis', 'analyze', 'show', 'write_analysis']
