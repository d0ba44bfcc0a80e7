import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.models import EncoderDecoder

from mmsemi.models.utils import mean_logit_windows, probability_windows
from mmsemi.registry import MODELS
from tests.helpers.networks import network


def test_golden(golden):
    figures = np.load(golden / 'units.npz')
    image, weight, bias, probsum, pred = (
        torch.as_tensor(figures[f'slide_{name}'])
        for name in ('image', 'weight', 'bias', 'probsum', 'pred')
    )
    total = probability_windows(
        lambda x: F.conv2d(x, weight, bias, padding=2), image, (33, 33)
    )
    torch.testing.assert_close(total, probsum, rtol=1e-5, atol=1e-6)
    assert torch.equal(total.argmax(1), pred.long())


def test_every_pixel_counts_its_windows():
    """Starts 0, 4, 8 of 9 columns: the last window is one pixel wide."""
    seen = []

    def predict(x):
        seen.append(tuple(x.shape[2:]))
        return torch.zeros(1, 2, *x.shape[2:])

    total = probability_windows(predict, torch.zeros(1, 3, 6, 9), (6, 6))
    assert seen == [(6, 6), (6, 5), (6, 1), (2, 6), (2, 5), (2, 1)]
    # Windows [0, 6), [4, 9) and [8, 9); rows [0, 6) and [4, 6).
    rows, cols = [1, 1, 1, 1, 2, 2], [1, 1, 1, 1, 2, 2, 1, 1, 2]
    expected = torch.tensor(rows)[:, None] * torch.tensor(cols)[None]
    torch.testing.assert_close(total[0, 0], expected * 0.5)


@pytest.mark.parametrize('at_once', [1, 2, 4])
@pytest.mark.parametrize('predict', [probability_windows, mean_logit_windows])
def test_windows_of_one_size_share_batches(predict, at_once):
    """Batches are as large as allowed, and results as with one by one."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 11, 20)
    conv = torch.nn.Conv2d(3, 4, 3, padding=1)
    batches = []

    def count(x):
        batches.append(len(x) // len(images))
        return conv(x)

    one_by_one = predict(conv, images, (6, 6), (4, 4), at_once=1)
    together = predict(count, images, (6, 6), (4, 4), at_once)
    torch.testing.assert_close(together, one_by_one)
    assert max(batches) == at_once


@pytest.mark.parametrize('size', [(33, 40), (20, 64), (20, 24)])
def test_slide_is_that_of_mmseg(size):
    """Windows of 33 in an image larger, lower, and smaller than one."""
    torch.manual_seed(1)
    cfg = network(type='FixMatch')
    cfg.test_cfg = dict(mode='slide', crop_size=(33, 33), stride=(20, 20))
    model = MODELS.build(cfg).eval()
    images = torch.randn(2, 3, *size)
    meta = dict(ori_shape=size, img_shape=size, pad_shape=size)
    with torch.no_grad():
        torch.testing.assert_close(
            model.inference(images, [dict(meta)] * 2),
            EncoderDecoder.slide_inference(model, images, [dict(meta)] * 2),
            rtol=1e-4,
            atol=1e-5,
        )


def test_half_precision_logits_are_summed_in_float32():
    """In bfloat16, adding 1/512 to 1 changes nothing."""
    logits = torch.tensor([8.0, 2.0])[:, None, None]

    def predict(x):
        return logits.expand(len(x), 2, *x.shape[2:]).bfloat16()

    total = probability_windows(predict, torch.zeros(1, 3, 4, 4), (4, 4), (2, 2))
    assert total.dtype == torch.float32
    torch.testing.assert_close(total[0, :, 3, 3], 4 * logits[:, 0, 0].softmax(0))
