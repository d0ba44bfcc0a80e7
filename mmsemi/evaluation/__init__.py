from .confusion_iou import ConfusionIoUMetric
from .evaluator import AgreeingEvaluator

__all__ = ['AgreeingEvaluator', 'ConfusionIoUMetric']
