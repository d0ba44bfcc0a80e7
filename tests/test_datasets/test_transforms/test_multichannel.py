"""Photometric transforms of images that are not BGR."""

import numpy as np
import pytest

from mmsemi.datasets.transforms import (
    RandomBlur,
    RandomChannelJitter,
    RandomColorJitter,
    RandomGray,
)

H, W = 12, 20


def test_channels_are_jittered_independently():
    img = np.random.default_rng(0).integers(0, 256, (H, W, 5), np.uint8)
    np.random.seed(0)
    same = RandomChannelJitter(prob=1, brightness=0, contrast=0)
    np.testing.assert_array_equal(same(dict(img=img))['img'], img)
    out = RandomChannelJitter(prob=1)(dict(img=img))['img']
    assert out.shape == img.shape and out.dtype == np.uint8
    change = np.abs(out.astype(int) - img).mean((0, 1))
    assert len(np.unique(change)) == 5 and change.min() > 0
    assert RandomBlur(prob=1)(dict(img=img))['img'].shape == img.shape
    with pytest.raises(ValueError, match='none may be negative'):
        RandomChannelJitter(contrast=-1)


@pytest.mark.parametrize('transform', [RandomColorJitter, RandomGray])
def test_colours_of_five_channels_are_refused(transform):
    with pytest.raises(ValueError, match='5 channels has no colours'):
        transform(prob=1)(dict(img=np.zeros((H, W, 5), np.uint8)))
