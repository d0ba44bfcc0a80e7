from .efficientnet_lite import EfficientNetLite
from .xception import Xception65

__all__ = ['EfficientNetLite', 'Xception65']
