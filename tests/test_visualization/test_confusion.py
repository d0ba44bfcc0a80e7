import numpy as np
import pytest

from mmsemi.visualization import draw_confusion


@pytest.mark.parametrize('count', (2, 60))
def test_the_darker_the_more(count):
    """The diagonal of a perfect network is darkest; an empty row is white."""
    matrix = np.diag(np.arange(1, count + 1)) * 1000
    dark, half = draw_confusion(matrix, range(count)), matrix.copy()
    half[-1, 0] = half[-1, -1]
    mixed = draw_confusion(half, range(count))
    assert dark.dtype == np.uint8 and dark.shape == mixed.shape
    # matplotlib's Blues: 100 % is (8, 48, 107).
    full = (dark == (8, 48, 107)).all(-1).sum(), (mixed == (8, 48, 107)).all(-1).sum()
    assert full[0] > full[1] > 0
