from .xception import Xception65

__all__ = ['Xception65']
