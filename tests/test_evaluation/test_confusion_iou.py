import pytest
import torch
from mmengine.logging import MMLogger
from mmseg.evaluation import IoUMetric

from mmsemi.evaluation import ConfusionIoUMetric


def images(ignore_index):
    """Predictions and masks of several sizes; class 3 does not occur."""
    g = torch.Generator().manual_seed(0)
    for height in (20, 21, 22):
        pred, mask = torch.randint(3, (2, 1, height, 31), generator=g)
        mask[:, :4] = ignore_index
        mask[:, 4:6, :7] = 4
        yield dict(pred_sem_seg=dict(data=pred), gt_sem_seg=dict(data=mask.byte()))


@pytest.mark.parametrize('ignore_index', [255, 1])
def test_equals_mmseg(ignore_index):
    MMLogger.get_instance('confusion')  # takes the table of classes
    counts, scores = [], []
    for kind in (IoUMetric, ConfusionIoUMetric):
        metric = kind(ignore_index, iou_metrics=['mIoU', 'mFscore'])
        metric.dataset_meta = dict(classes=list('abcde'))
        for sample in images(ignore_index):
            metric.process({}, [sample])
        counts.append(torch.stack([torch.stack(areas) for areas in metric.results]))
        scores.append(metric.evaluate(3))
        assert metric.results == [], 'ready for the next evaluation'
    assert counts[1].dtype == torch.int64, 'exact, however many pixels'
    assert torch.equal(counts[0], counts[1].float())
    assert scores[0] == pytest.approx(scores[1], nan_ok=True)
    assert 0 < scores[1]['mIoU'] < 100
