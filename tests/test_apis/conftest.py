"""A tiny network with random weights, and pictures for it."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsemi.apis import init_model
from mmsemi.registry import MODELS
from tests.helpers.tools import TINY


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    init_default_scope('mmsemi')
    torch.manual_seed(0)
    network = MODELS.build(Config.fromfile(TINY).model)
    # Predict more than one class.
    torch.nn.init.normal_(network.decode_head.conv_seg.weight)
    file = tmp_path_factory.mktemp('checkpoint') / 'random.pth'
    torch.save(dict(state_dict=network.state_dict()), file)
    return file


@pytest.fixture(scope='module')
def model(checkpoint):
    return init_model(TINY, checkpoint, 'cpu')


@pytest.fixture(scope='module')
def pictures():
    """Three frames (40, 48, 3), BGR uint8, smooth enough for a video."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (3, 5, 6, 3), np.uint8)
    return [cv2.resize(picture, (48, 40)) for picture in coarse]


@pytest.fixture
def folder(pictures, tmp_path):
    """The pictures as files: a.png, a.bmp and deep/b.png."""
    folder = tmp_path / 'photos'
    for name, picture in zip(('a.png', 'a.bmp', 'deep/b.png'), pictures, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), picture)
    (folder / 'notes.txt').write_text('no image')
    return folder


@pytest.fixture
def video(pictures, tmp_path):
    """The pictures as frames of a video without loss."""
    file = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*'FFV1'), 10, (48, 40))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return file
