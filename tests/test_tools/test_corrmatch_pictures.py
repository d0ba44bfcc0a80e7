"""The pictures of CorrMatch, from a file of weights."""

import runpy
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsemi.registry import MODELS
from tests.helpers.tools import ROOT, TINY


@pytest.fixture
def trained(tmp_path):
    """A config and a checkpoint of it."""
    cfg = Config.fromfile(TINY)
    model = {
        key: cfg.model[key]
        for key in ('data_preprocessor', 'backbone', 'decode_head', 'test_cfg')
    }
    cfg.model = dict(
        type='CorrMatch', correlation=dict(in_channels=64, channels=16), **model
    )
    cfg.dump(tmp_path / 'config.py')
    torch.manual_seed(0)
    network = MODELS.build(cfg.model)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'weights.pth')
    return tmp_path / 'config.py', tmp_path / 'weights.pth'


@pytest.fixture
def draw(tiny_data, tmp_path, monkeypatch, capsys):
    """Run the tool in this process; gives what it prints."""

    def run(config, checkpoint, *args):
        monkeypatch.setattr(
            sys,
            'argv',
            [
                'corrmatch_pictures.py',
                str(tiny_data / 'images/val/0.png'),
                str(config),
                str(checkpoint),
                '--device',
                'cpu',
                '--out-dir',
                str(tmp_path / 'out'),
                *args,
            ],
        )
        runpy.run_path(str(ROOT / 'tools/analysis/corrmatch_pictures.py'))['main']()
        return capsys.readouterr().out

    return run


def read(path):
    return cv2.imread(str(path))


def test_pictures(tiny_data, trained, draw, tmp_path):
    printed = draw(*trained, '--points', '5,7', '47,39', '--thresh', '0')
    assert '100.0% of the pixels are confident' in printed
    image = read(tiny_data / 'images/val/0.png')
    for name in ('before', 'after', 'correlation_5_7', 'correlation_47_39'):
        picture = read(tmp_path / 'out' / f'{name}.png')
        assert picture.shape == image.shape
        assert not np.array_equal(picture, image)
    assert '4 pictures are in' in printed


def test_untrusted_pixels_show_the_image(tiny_data, trained, draw, tmp_path):
    assert '0.0% of the pixels are confident' in draw(*trained, '--thresh', '1')
    assert np.array_equal(
        read(tmp_path / 'out/after.png'), read(tiny_data / 'images/val/0.png')
    )
    assert (tmp_path / 'out/correlation_24_20.png').exists()  # the centre


def test_point_outside(trained, draw):
    with pytest.raises(ValueError, match='Point 48,0 .* 48x40 pixels'):
        draw(*trained, '--points', '48,0')


def test_other_methods(trained, draw):
    network = MODELS.build(Config.fromfile(TINY).model)
    torch.save(dict(state_dict=network.state_dict()), trained[1])
    with pytest.raises(ValueError, match='RankMatch: only CorrMatch'):
        draw(TINY, trained[1])


def test_checkpoint_of_another_network(trained, draw):
    with pytest.raises(ValueError, match='weights.pth.*correlation'):
        draw(TINY, trained[1])
