"""UniMatch V2's released evaluation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmsemi.models.utils import at_multiple, probability_windows
from mmsemi.registry import METRICS

PATCH = 14


@pytest.fixture(scope='module')
def figures(golden):
    return {
        key: torch.as_tensor(value)
        for key, value in np.load(golden / 'units_v2.npz').items()
        if key.startswith(('eval_', 'slidev2_', 'resize_'))
    }


def conv(figures, name):
    """The network of the figures, which counts its calls and sizes."""
    sizes = []

    def predict(x):
        sizes.extend([list(x.shape[2:])] * len(x))
        weight, bias = figures[f'{name}_weight'], figures[f'{name}_bias']
        return F.conv2d(x, weight, bias, padding=weight.size(2) // 2)

    return predict, sizes


def test_sizes_are_rounded_to_multiples(figures):
    for size, rounded in zip(
        figures['resize_in'].tolist(), figures['resize_out'].tolist(), strict=True
    ):
        sizes = []
        at_multiple(
            lambda x, sizes=sizes: sizes.append(list(x.shape[2:])) or x,
            torch.zeros(1, 1, *size),
            PATCH,
        )
        assert sizes == [rounded]


def test_whole_image(figures):
    predict, sizes = conv(figures, 'eval')
    logits = at_multiple(predict, figures['eval_image'], PATCH)
    assert sizes == [figures['eval_size'].tolist()]
    torch.testing.assert_close(logits, figures['eval_logits'], rtol=1e-5, atol=1e-5)
    assert torch.equal(logits.argmax(1), figures['eval_pred'].long())


def test_an_absent_class_counts_0(figures):
    num_classes = len(figures['eval_iou'])
    metric = METRICS.build(dict(type='ConfusionIoUMetric', nan_to_num=0))
    metric.dataset_meta = dict(classes=[str(i) for i in range(num_classes)])
    metric.process(
        {},
        [
            dict(
                pred_sem_seg=dict(data=figures['eval_pred']),
                gt_sem_seg=dict(data=figures['eval_label']),
            )
        ],
    )
    assert metric.evaluate(1)['mIoU'] == pytest.approx(
        figures['eval_miou'].item(), abs=0.005
    )


def test_windows(figures):
    predict, sizes = conv(figures, 'slidev2')
    window = [figures['slidev2_window'].item()] * 2
    total = probability_windows(
        predict, figures['slidev2_image'], window, border='shift'
    )
    assert sizes == [window] * figures['slidev2_calls'].item()
    torch.testing.assert_close(total, figures['slidev2_probsum'], rtol=1e-5, atol=1e-6)
    assert torch.equal(total.argmax(1), figures['slidev2_pred'].long())
