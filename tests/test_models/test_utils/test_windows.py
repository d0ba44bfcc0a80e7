import numpy as np
import torch
import torch.nn.functional as F

from mmsemi.models.utils import probability_windows


def test_golden(golden):
    figures = np.load(golden / 'units.npz')
    image, weight, bias, probsum, pred = (
        torch.as_tensor(figures[f'slide_{name}'])
        for name in ('image', 'weight', 'bias', 'probsum', 'pred'))
    total = probability_windows(
        lambda x: F.conv2d(x, weight, bias, padding=2), image, (33, 33))
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
