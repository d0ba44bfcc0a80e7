"""Batches of streams, as methods read them."""

import numpy as np
import pytest
import torch

from mmsemi.datasets import stack_streams
from mmsemi.registry import MODELS, TRANSFORMS

PILLOW = [
    dict(type='RandomColorJitter', backend='pillow'),
    dict(type='RandomGray'),
    dict(type='RandomBlur', backend='pillow'),
]


@pytest.fixture
def preprocessor():
    return MODELS.build(
        dict(
            type='SemiDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
        )
    )


def batch(on_device):
    steps = [
        TRANSFORMS.build(step)
        for step in (
            dict(type='MarkValid'),
            dict(
                type='StrongViews', num_views=2, transforms=PILLOW, on_device=on_device
            ),
            dict(type='CutMixBoxes'),
            dict(type='PackUnlabeled'),
        )
    ]
    samples = []
    for seed in range(3):
        np.random.seed(seed)
        image = np.random.randint(0, 256, (24, 24, 3), np.uint8)
        results = dict(img=image, img_shape=image.shape[:2])
        for step in steps:
            results = step(results)
        samples.append(dict(labeled=[], unlabeled=[results], partner=[]))
    return stack_streams(samples)


def test_views_on_the_device_are_those_of_the_workers(preprocessor):
    host, device = (
        preprocessor(batch(on_device), True)['inputs']['unlabeled']
        for on_device in (False, True)
    )
    assert host.keys() == device.keys()
    assert {'strong1', 'strong2'} < device.keys()
    assert host.pop('box1') == device['box1']
    assert host.pop('box2') == device['box2']
    for key, value in host.items():
        assert device[key].shape == value.shape
        assert device[key].dtype == value.dtype
        # A level of 255 is 1 / 58 at most.
        assert (device[key].float() - value.float()).abs().mean() < 1e-4
    assert not torch.equal(device['strong1'], device['strong2'])
