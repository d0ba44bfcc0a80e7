import numpy as np
import pytest
import torch

from mmsemi.models.utils import snapshot_reliability


def test_released_scores(golden):
    figures = np.load(golden / 'units.npz')
    labels = torch.as_tensor(figures['st_preds'])  # (images, snapshots, ...)
    scores = snapshot_reliability(labels.transpose(0, 1), 21)
    assert scores.numpy() == pytest.approx(figures['st_reliability'], rel=1e-12)


def test_absent_classes_do_not_count():
    last = torch.tensor([[[0, 0, 1, 1]]])
    earlier = torch.tensor([[[0, 0, 0, 2]]])
    # IoU 2/3 of class 0, 0 of classes 1 and 2; classes 3 and 4 are absent.
    score = snapshot_reliability(torch.stack([earlier, last]), 5)
    assert score.item() == pytest.approx(2 / 9)
    # The other snapshot agrees: the mean of both.
    score = snapshot_reliability(torch.stack([earlier, last, last]), 5)
    assert score.item() == pytest.approx((2 / 9 + 1) / 2)
