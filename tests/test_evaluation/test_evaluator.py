"""Several metrics of one evaluation."""

import pytest
from mmengine.evaluator import BaseMetric

from mmsemi.evaluation import AgreeingEvaluator


class Fixed(BaseMetric):
    """A metric whose scores are given."""

    def __init__(self, prefix=None, **scores):
        super().__init__(prefix=prefix)
        self.scores = scores
        self.results = [None]

    def process(self, data_batch, data_samples):
        pass

    def compute_metrics(self, results):
        return self.scores


def test_equal_scores_are_one():
    metrics = [Fixed(mIoU=40.12, aAcc=90.01), Fixed(mDice=50.0, aAcc=90.02)]
    scores = AgreeingEvaluator(metrics).evaluate(1)
    assert scores == dict(mIoU=40.12, aAcc=90.01, mDice=50.0)


def test_scores_without_a_value_agree():
    nan = float('nan')
    metrics = [Fixed(mIoU=1.0, aAcc=nan), Fixed(mDice=2.0, aAcc=nan)]
    assert AgreeingEvaluator(metrics).evaluate(1).keys() == {'mIoU', 'mDice', 'aAcc'}


def test_unequal_scores_are_refused():
    with pytest.raises(ValueError, match='aAcc: 90.00 and 80.00.*prefix'):
        AgreeingEvaluator([Fixed(aAcc=90.0), Fixed(aAcc=80.0)]).evaluate(1)


def test_a_prefix_tells_them_apart():
    metrics = [Fixed(aAcc=90.0), Fixed(prefix='other', aAcc=80.0)]
    assert AgreeingEvaluator(metrics).evaluate(1) == {'aAcc': 90.0, 'other/aAcc': 80.0}
