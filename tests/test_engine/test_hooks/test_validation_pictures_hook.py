"""A few validation images are drawn: docs/reading_a_run.md."""

import re

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmsemi.engine import SemiRunner
from mmsemi.engine.hooks import ValidationPicturesHook


def train(cfg, epochs, **settings):
    cfg.visualizer.vis_backends = [
        dict(type='LocalVisBackend'),
        dict(type='TensorboardVisBackend'),
    ]
    cfg.train_cfg.max_epochs = epochs
    cfg.train_cfg.val_interval = 1
    cfg.default_hooks.pseudo_labels = None  # which has pictures of its own
    cfg.default_hooks.pictures.update(settings)
    SemiRunner.from_cfg(cfg).train()


def drawn(folder):
    """Names and epochs of the pictures of a run."""
    files = folder.glob('2*/vis_data/vis_image/*.png')
    return {tuple(re.fullmatch(r'(\w+)_(\d+)', f.stem).groups()) for f in files}


def test_few_and_bounded(tiny_cfg, tmp_path):
    """2 of 3 images after 3 of 6 validations, the first and last among them."""
    train(tiny_cfg, 6, num_images=2, validations=2)
    names, epochs = ({pair[i] for pair in drawn(tmp_path)} for i in (0, 1))
    assert names == {'val_0', 'val_2', 'confusion'}
    assert epochs == {'1', '3', '6'}
    assert len(drawn(tmp_path)) == 9
    (events,) = tmp_path.glob('2*/vis_data/events*')
    accumulator = EventAccumulator(str(events)).Reload()
    assert set(accumulator.Tags()['images']) == names
    assert 'val/IoU/disc' in accumulator.Tags()['scalars']
    picture = next(tmp_path.glob('2*/vis_data/vis_image/val_0_6.png'))
    pixels = np.asarray(Image.open(picture))
    assert pixels.shape[1] > 4 * 8 * 48, 'four panels, enlarged'
    image = np.asarray(
        Image.open(tiny_cfg.val_dataloader.dataset.data_root + '/images/val/0.png')
    )
    top = next(i for i in range(90) if (pixels[i : i + 8, :8] == image[0, 0]).all())
    panel = pixels[top : top + 8 * 40 : 8, : 8 * 48 : 8]
    assert (panel == image).all(), 'the first panel is the image itself, in its colors'


def test_none(tiny_cfg, tmp_path):
    tiny_cfg.default_hooks.update(pictures=None, pseudo_labels=None)
    tiny_cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    SemiRunner.from_cfg(tiny_cfg).train()
    assert not drawn(tmp_path)


@pytest.mark.parametrize('name', ('num_images', 'validations', 'max_size'))
def test_numbers_are_checked(name):
    with pytest.raises(ValueError, match=f'{name}=0 .*pictures=None'):
        ValidationPicturesHook(**{name: 0})
