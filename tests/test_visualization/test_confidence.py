"""Diagrams of confidence."""

import numpy as np

from mmsemi.visualization import draw_reliability, draw_thresholds


def test_a_gap_is_orange():
    """It grows with the distance of confidence and accuracy; none without."""
    confidence = np.array([np.nan, 0.5, 0.9])

    def orange(accuracy):
        picture = draw_reliability(confidence, accuracy, [0, 5, 5], 'title').astype(int)
        return int((picture[..., 0] - picture[..., 2] > 60).sum())

    none, some, more = (
        orange(confidence - gap * np.array([0, 1, 1])) for gap in (0, 0.1, 0.3)
    )
    assert none < some < more


def test_thresholds_are_marked():
    steps = np.linspace(0, 1, 20)
    curves = dict(accuracy=(steps, steps))
    plain, marked = (draw_thresholds(curves, m) for m in ({}, dict(best=0.4)))
    assert plain.shape == marked.shape and (plain != marked).any()
