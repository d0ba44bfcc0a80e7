"""AugSeg's strong view."""

import numpy as np
import pytest

from mmsemi.datasets.transforms.random_intensity import OPERATIONS, RandomIntensity


def image():
    return np.random.default_rng(0).integers(0, 200, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize('name', OPERATIONS)
def test_each_operation(name):
    """All but the identity change the image; shape and type stay."""
    np.random.seed(1)
    out = RandomIntensity(most=1, operations=(name,))(dict(img=image()))['img']
    assert out.shape == (20, 30, 3) and out.dtype == np.uint8
    assert np.array_equal(out, image()) == (name == 'identity')


def test_number_of_operations(monkeypatch):
    """Uniform in 1..most, drawn with replacement."""
    calls = []
    monkeypatch.setitem(OPERATIONS, 'identity', lambda im: calls.append(1) or im)
    transform = RandomIntensity(most=3, operations=('identity',))
    np.random.seed(0)
    counts = []
    for _ in range(300):
        calls.clear()
        transform(dict(img=image()))
        counts.append(len(calls))
    assert set(counts) == {1, 2, 3}
    assert np.bincount(counts)[1:] == pytest.approx([100] * 3, abs=30)


def test_settings_that_cannot_be():
    with pytest.raises(ValueError, match='must name some of'):
        RandomIntensity(operations=('blurr',))
    with pytest.raises(ValueError, match='1 or more'):
        RandomIntensity(most=0)
