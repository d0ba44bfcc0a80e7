"""Folds show the same classes, as far as there are images."""

import numpy as np
import pytest

from mmsemi.preparation.own.folds import divide


@pytest.mark.parametrize('seed', range(5))
def test_rare_classes_are_spread_over_the_folds(seed):
    """Two classes of as many images as there are folds; one of twice as many."""
    shown = np.zeros((25, 4), bool)
    shown[:, 0] = True
    shown[[0, 1, 2, 3, 4], 1] = True
    shown[[4, 5, 6, 7, 8], 2] = True
    shown[10:20, 3] = True
    folds = divide(shown, 5, seed)
    assert sorted(sum(folds, [])) == list(range(25))
    assert {len(fold) for fold in folds} == {5}
    for fold in folds:
        assert shown[fold].sum(0).tolist()[1:3] == [1, 1]
        assert shown[fold].sum(0)[3] == 2


def test_images_of_no_class_are_divided_too():
    shown = np.zeros((5, 2), bool)
    assert sorted(map(len, divide(shown, 2, 0))) == [2, 3]
    with pytest.raises(ValueError, match='must be 2 to 5'):
        divide(shown, 1, 0)
