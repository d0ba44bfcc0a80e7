from .labels import rehearse_labels
from .training import rehearse

__all__ = ['rehearse', 'rehearse_labels']
