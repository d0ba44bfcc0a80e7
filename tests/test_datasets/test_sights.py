"""The unlabeled images that are looked at, and their masks."""

import shutil

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmsemi.datasets import load_sights
from mmsemi.registry import DATASETS
from tests.helpers.tools import TINY


@pytest.fixture
def data(tiny_data, tmp_path):
    return shutil.copytree(tiny_data, tmp_path / 'data')


def load(data, count=3, size=(33, 33), **changes):
    cfg = Config.fromfile(TINY).train_dataloader.dataset
    cfg.update(data_root=str(data), **changes)
    return load_sights(DATASETS.build(cfg), count, size)


def unlabeled(data):
    names = [line.split() for line in (data / 'splits/train.txt').open()]
    known = (data / 'splits/labeled.txt').read_text()
    return [pair for pair in names if pair[0] not in known]


def test_crops_from_the_middle(data):
    """Images and masks as in their files."""
    sights = load(data)
    assert sights.weak.shape == (3, 3, 33, 33) and sights.valid.all()
    assert sights.has_truth
    image, mask = unlabeled(data)[int(0.5 * 5 / 3)]
    pixels = np.asarray(Image.open(data / image))[3:36, 7:40, ::-1]
    assert (sights.weak[0].numpy() == pixels.transpose(2, 0, 1)).all()
    truth = np.asarray(Image.open(data / mask))[3:36, 7:40]
    assert (sights.truth[0].numpy() == truth).all()


def test_small_images_are_padded(data):
    sights = load(data, size=(64, 50))
    assert sights.valid[0, :40, :48].all() and sights.valid[0].sum() == 40 * 48
    assert (sights.truth[0, 40:] == 255).all() and (sights.weak[0, :, 40:] == 0).all()


def test_no_more_than_there_are(data):
    assert len(load(data, count=99).names) == 5


def test_without_masks(data):
    names = [image for image, _ in unlabeled(data)]
    (data / 'splits/images.txt').write_text('\n'.join(names))
    sights = load(data, unlabeled_list='splits/images.txt', train_list=None)
    assert len(sights.names) == 3 and not sights.has_truth


@pytest.mark.parametrize('damage', ['gone', 'broken'])
def test_a_mask_that_cannot_be_read_is_left_out(data, damage):
    for _, mask in unlabeled(data):
        (data / mask).unlink()
        if damage == 'broken':
            (data / mask).write_bytes(b'no mask')
    sights = load(data)
    assert len(sights.names) == 3 and not sights.has_truth


def test_images_that_cannot_be_read_are_left_out(data):
    pairs = unlabeled(data)
    for image, _ in pairs:
        (data / image).write_bytes(b'no image')
    assert load(data) is None


def test_names_tell_images_apart(data):
    lines = []
    for folder in 'ab':
        (data / folder).mkdir()
        shutil.copy(data / unlabeled(data)[0][0], data / folder / '0.png')
        lines.append(f'{folder}/0.png')
    (data / 'splits/images.txt').write_text('\n'.join(lines))
    sights = load(data, unlabeled_list='splits/images.txt', train_list=None)
    assert sights.names == ['a-0', 'b-0']
