"""The built-in data set of painted scenes."""

from .classes import SCENES_CLASSES, SCENES_PALETTE
from .make import ensure_scenes

__all__ = ['SCENES_CLASSES', 'SCENES_PALETTE', 'ensure_scenes']
