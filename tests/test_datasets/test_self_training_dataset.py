from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsemi.datasets import SelfTrainingDataset, SemiSampler, stack_streams
from mmsemi.datasets.self_training_dataset import smallest_epoch
from mmsemi.utils.config import resolve_settings
from tests.helpers.tools import ROOT

CLASSES = dict(classes=('a', 'b', 'c'), palette=[[0] * 3] * 3)
PACK = [dict(type='LoadSegImage'), dict(type='LoadSegMask'), dict(type='PackLabeled')]


@pytest.fixture
def root(tmp_path):
    """Seven images, each of another gray; masks for the first two."""
    for i in range(7):
        cv2.imwrite(f'{tmp_path}/{i}.png', np.full((4, 4, 3), i, np.uint8))
        cv2.imwrite(f'{tmp_path}/m{i}.png', np.full((4, 4), i % 3, np.uint8))
    lists = dict(
        train=[f'{i}.png' for i in range(7)],
        labeled=[f'{i}.png m{i}.png' for i in range(2)],
        pseudo=[f'{i}.png m{i}.png' for i in range(2, 7)],
    )
    for name, lines in lists.items():
        (tmp_path / f'{name}.txt').write_text('\n'.join(lines))
    return tmp_path


def build(root, **kwargs):
    return SelfTrainingDataset(
        str(root),
        'labeled.txt',
        train_list='train.txt',
        metainfo=CLASSES,
        labeled_pipeline=PACK,
        unlabeled_pipeline=PACK,
        **kwargs,
    )


def epoch(dataset, seed=0):
    """Count how often an epoch shows each image; check that its mask is its own."""
    seen = Counter()
    for index in SemiSampler(dataset, ratio=(1, 0), seed=seed):
        (image,) = dataset[index]['labeled']
        i = int(image['weak'][0, 0, 0])
        assert (image['mask'] == i % 3).all()
        seen[i] += 1
    return seen


def test_few_labeled_images_are_doubled(root):
    assert epoch(build(root)) == {0: 2, 1: 2}
    assert epoch(build(root, double_below=2)) == {0: 1, 1: 1}


def test_labeled_images_are_repeated_beside_pseudo_labeled_ones(root):
    """ceil(5 / 2) = 3 times, in a different order for every seed."""
    dataset = build(root, pseudo_list='pseudo.txt')
    assert len(dataset) == 11
    assert epoch(dataset) == {0: 3, 1: 3, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1}
    orders = [
        [index.labeled for index in SemiSampler(dataset, ratio=(1, 0), seed=seed)]
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_the_unlabeled_images_are_known_but_not_drawn(root):
    dataset = build(root)
    assert len(dataset.unlabeled) == 5 and dataset.num_unlabeled == 0


def test_batch_is_one_stream(root):
    dataset = build(root, pseudo_list='pseudo.txt')
    indices = list(SemiSampler(dataset, ratio=(1, 0), seed=0))[:4]
    batch = stack_streams([dataset[index] for index in indices])
    assert batch.keys() == {'labeled'}
    assert batch['labeled']['weak'].shape == (4, 3, 4, 4)


def test_pseudo_labels_are_classes_whatever_the_masks_are(root):
    """Masks that begin at 1 are shifted; predictions are not."""
    for i in range(2):
        cv2.imwrite(f'{root}/m{i}.png', np.full((4, 4), i + 1, np.uint8))
    dataset = build(root, pseudo_list='pseudo.txt', reduce_zero_label=True)
    assert epoch(dataset) == {0: 3, 1: 3, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1}


def test_published_augmentation(root):
    """The strong pipeline of a config, on a pseudo-labeled image."""
    cfg = resolve_settings(Config.fromfile(ROOT / 'configs/stpp/pascal_1-16.py'))
    pipeline = cfg.train_dataloader.dataset.unlabeled_pipeline
    dataset = SelfTrainingDataset(
        str(root),
        'labeled.txt',
        pseudo_list='pseudo.txt',
        metainfo=CLASSES,
        labeled_pipeline=PACK,
        unlabeled_pipeline=pipeline,
    )
    images = []
    for seed in range(12):
        np.random.seed(seed)
        images.append(dataset.pseudo[0])
    for image in images:
        assert image['weak'].shape == (3, 321, 321)
        assert image['weak'].dtype == torch.uint8
        assert set(image['mask'].unique().tolist()) <= {2, 255}
    # 200 to 800 pixels: the ratios refer to `base`, not to the image's 4.
    sizes = [int((image['mask'] != 255).any(1).sum()) for image in images]
    assert 150 < min(sizes) < max(sizes) == 321


@pytest.mark.parametrize(
    'labeled, unlabeled, shares, images',
    [
        (2, 7, (1,), 4),  # the labeled ones, doubled
        (300, 7, (1,), 300),
        (8, 11, (0.5, 1), 13),  # 8 labeled and 5 reliable ones
        (3, 12, (0.5, 1), 6),
    ],
)
def test_the_shortest_training(labeled, unlabeled, shares, images):
    assert smallest_epoch(labeled, unlabeled, shares) == images
