import math

import pytest
import torch
from mmengine.logging import MMLogger
from mmseg.evaluation import IoUMetric

from mmsemi.evaluation import ConfusionIoUMetric, confusion_iou


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
    ours = {name: value for name, value in scores[1].items() if '/' not in name}
    assert scores[0] == pytest.approx(ours, nan_ok=True)
    assert 0 < ours['mIoU'] < 100


@pytest.fixture
def metric():
    MMLogger.get_instance('confusion')
    metric = ConfusionIoUMetric()
    metric.dataset_meta = dict(classes=list('abcde'))
    return metric


def test_scores_of_every_class_and_the_matrix(metric):
    """By their definition: d occurs nowhere, e is labeled but never predicted."""
    truth, pred = [], []
    for sample in images(255):
        metric.process({}, [sample])
        truth.append(sample['gt_sem_seg']['data'].flatten().long())
        pred.append(sample['pred_sem_seg']['data'].flatten())
    truth, pred = torch.cat(truth), torch.cat(pred)
    scores = metric.evaluate(3)
    truth, pred = truth[truth < 255], pred[truth < 255]
    matrix = [[((truth == i) & (pred == j)).sum() for j in range(5)] for i in range(5)]
    assert metric.confusion.tolist() == torch.tensor(matrix).tolist()
    a = truth == 0, pred == 0
    both = (a[0] & a[1]).sum()
    expected = {
        'IoU/a': both / (a[0] | a[1]).sum(),
        'Precision/a': both / a[1].sum(),
        'Recall/a': both / a[0].sum(),
    }
    for name, share in expected.items():
        assert scores[name] == pytest.approx(100 * share.item(), abs=0.006)
    names = ('Precision/e', 'IoU/d', 'IoU/e', 'Recall/e')
    assert [scores[name] for name in names] == pytest.approx(
        [math.nan, math.nan, 0, 0], nan_ok=True
    )


def test_repeated_images_do_not_count(metric, monkeypatch):
    """The last of two processes repeats an image so that both have as many."""
    monkeypatch.setattr(confusion_iou, 'get_dist_info', lambda: (1, 2))
    samples = list(images(255))
    for sample in samples:
        metric.process({}, [sample])
    metric.evaluate(5)  # images 1 and 3 of 0..4, and one more
    twice = metric.confusion
    for sample in samples[:2]:
        metric.process({}, [sample])
    metric.evaluate(4)
    assert twice.sum() and (metric.confusion == twice).all()
