from .dinov2 import DINOv2
from .efficientnet_lite import EfficientNetLite
from .xception import Xception65

__all__ = ['DINOv2', 'EfficientNetLite', 'Xception65']
