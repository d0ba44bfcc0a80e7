from .confusion_iou import ConfusionIoUMetric

__all__ = ['ConfusionIoUMetric']
