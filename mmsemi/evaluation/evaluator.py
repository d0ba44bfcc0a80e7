"""Combine several metrics in one evaluation."""

import numpy as np
from mmengine.evaluator import Evaluator

from mmsemi.registry import EVALUATOR


@EVALUATOR.register_module()
class AgreeingEvaluator(Evaluator):
    """Collect the scores of metrics that may report the same score.

    mmseg's ``IoUMetric`` always reports ``aAcc`` and ``mAcc``, so MMEngine's
    evaluator refuses two of them, for mIoU and mDice for example.  This one
    refuses them only if they disagree.  Takes the arguments of
    :class:`mmengine.evaluator.Evaluator`.
    """

    def evaluate(self, size: int) -> dict:
        """Compute the scores of all metrics.

        Args:
            size (int): Number of samples of the whole data set.

        Returns:
            dict[str, float]: Scores by name.

        Raises:
            ValueError: Two metrics report unequal scores by one name.
        """
        scores: dict = {}
        for metric in self.metrics:
            for name, score in metric.evaluate(size).items():
                # Scores are percentages, rounded to 0.01, or not numbers.
                if not np.isclose(
                    score, scores.get(name, score), atol=0.02, equal_nan=True
                ):
                    raise ValueError(
                        f'Two metrics give {name}: {scores[name]:.2f} and {score:.2f}. '
                        "Tell them apart with prefix='NAME' in one of the evaluators."
                    )
                scores.setdefault(name, score)
        return scores
