"""Draw what enters the network in training."""

from .browse import draw_samples

__all__ = ['draw_samples']
