from .confidence import ConfidenceCounts, Reliability, Thresholds, reliability
from .confusion_iou import ConfusionIoUMetric, find_confusion
from .evaluator import AgreeingEvaluator
from .scores import score_table, scores_of_all, scores_of_classes

__all__ = [
    'AgreeingEvaluator',
    'ConfidenceCounts',
    'ConfusionIoUMetric',
    'Reliability',
    'Thresholds',
    'find_confusion',
    'reliability',
    'score_table',
    'scores_of_all',
    'scores_of_classes',
]
