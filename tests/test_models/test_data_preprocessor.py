"""From a collated batch to the inputs of a method."""

import shutil

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_leaves

from mmsemi.datasets import SemiIndex, SemiSegDataset, stack_streams
from mmsemi.registry import MODELS, TRANSFORMS
from tests.helpers import networks as tiny

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
        samples.append(dict(labeled=[], unlabeled=[results], partner=[], corrupt={}))
    return stack_streams(samples)


def tensors(stream):
    """List all tensors of a stream, sorted by key."""
    leaves = tree_leaves([stream[key] for key in sorted(stream)])
    return [leaf for leaf in leaves if torch.is_tensor(leaf)]


def test_views_on_the_device_are_those_of_the_workers(preprocessor):
    host, device = (
        preprocessor(batch(on_device), True)['inputs']['unlabeled']
        for on_device in (False, True)
    )
    assert host.keys() == device.keys() == {'weak', 'strong', 'valid', 'boxes'}
    assert host['boxes'] == device['boxes'] and len(device['strong']) == 2
    for ours, theirs in zip(tensors(device), tensors(host), strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        # After normalisation, a level of 255 is at most 1 / 58.
        assert (ours.float() - theirs.float()).abs().mean() < 1e-4
    assert not torch.equal(*device['strong'])


@pytest.mark.parametrize('folder', ['strong_images', 'draws', 'weak', 'labeled'])
def test_a_corrupt_file_may_lie_in_any_folder(
    preprocessor, tiny_data, tmp_path, monkeypatch, folder
):
    """Its path, which starts with the data root, is not read as a key."""
    shutil.copytree(tiny_data, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder / 'images/train/0.png').write_bytes(b'')
    load = [dict(type='LoadSegImage')]
    crop = [dict(type='RandomScaleCrop', crop_size=(32, 32), ratio_range=(1, 1))]
    dataset = SemiSegDataset(
        folder,
        'splits/train.txt',
        labeled_pipeline=[
            *load,
            dict(type='LoadSegMask'),
            *crop,
            dict(type='PackLabeled'),
        ],
        max_corrupt=1,
    )
    batch = stack_streams([dataset[SemiIndex((0, 1), (), (), 0)]])
    assert list(batch['corrupt']) == [f'{folder}/images/train/0.png']
    assert preprocessor(batch, True)['inputs'].keys() == {'labeled'}


def test_flags_of_the_base_class_are_not_needed(preprocessor):
    """The mmseg package and its forks name them differently."""
    expected = preprocessor(tiny.streams(), True)['inputs']
    for flag in ('_channel_conversion', 'channel_conversion', '_enable_normalize'):
        vars(preprocessor).pop(flag, None)
    inputs = preprocessor(tiny.streams(), True)['inputs']
    for stream in expected:
        assert all(map(torch.equal, tensors(inputs[stream]), tensors(expected[stream])))


def test_restore_undoes_normalize(preprocessor):
    """Levels come back as they were, with any number of channels."""
    wide = MODELS.build(
        dict(type='SemiDataPreprocessor', mean=[10.0] * 5, std=[70.0] * 5)
    )
    for module, channels in ((preprocessor, 3), (wide, 5)):
        images = torch.randint(0, 256, (2, channels, 6, 7), dtype=torch.uint8)
        assert (module.restore(module.normalize(images)) == images).all()
