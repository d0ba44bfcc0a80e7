from .confusion_iou import ConfusionIoUMetric, find_confusion
from .evaluator import AgreeingEvaluator
from .scores import score_table, scores_of_all, scores_of_classes

__all__ = [
    'AgreeingEvaluator',
    'ConfusionIoUMetric',
    'find_confusion',
    'score_table',
    'scores_of_all',
    'scores_of_classes',
]
