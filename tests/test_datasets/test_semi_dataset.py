import random

import numpy as np
import pytest
import torch

from mmsemi.datasets import SemiIndex, SemiSegDataset, stack_streams
from mmsemi.structures import NO_BOX, Box, Paste


class DrawNumbers:
    """Pack the image's name and one draw of every generator."""

    def __call__(self, info):
        return dict(
            name=int(info['img_path'][-5]),
            draws=torch.tensor(
                [random.random(), np.random.rand(), float(torch.rand(()))]
            ),
        )


@pytest.fixture
def make(tmp_path):
    (tmp_path / 'train.txt').write_text(
        '\n'.join(f'im/{i}.png m/{i}.png' for i in range(6))
    )
    (tmp_path / 'lab.txt').write_text('im/1.png m/1.png\nim/4.png m/4.png')
    (tmp_path / 'unlab.txt').write_text('im/5.png\nim/0.png')

    def make(**kwargs):
        pipeline = [DrawNumbers()]
        kwargs.setdefault('labeled_list', 'lab.txt')
        return SemiSegDataset(
            str(tmp_path),
            labeled_pipeline=pipeline,
            unlabeled_pipeline=pipeline,
            **kwargs,
        )

    return make


def names(dataset):
    return [
        dataset[SemiIndex((), (i,), (), 0)]['unlabeled'][0]['name']
        for i in range(len(dataset))
    ]


def test_unlabeled_is_train_minus_labeled(make):
    dataset = make(train_list='train.txt')
    assert (dataset.num_labeled, dataset.num_unlabeled) == (2, 4)
    assert names(dataset) == [0, 2, 3, 5]


def test_unlabeled_list_takes_precedence_and_needs_no_masks(make):
    assert names(make(train_list='train.txt', unlabeled_list='unlab.txt')) == [5, 0]


def test_labeled_alone(make):
    dataset = make()
    assert (len(dataset), dataset.num_unlabeled) == (2, 0)


def test_nothing_left_unlabeled(make):
    with pytest.raises(ValueError, match='No image of lab.txt is unlabeled'):
        make(train_list='lab.txt')


def test_draws_follow_from_the_index_alone(make):
    dataset = make(train_list='train.txt')
    index = SemiIndex((0,), (1, 1), (1,), 5)

    def draws(index):
        return [
            image['draws'].tolist()
            for stream in dataset[index].values()
            for image in stream
        ]

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    first = draws(index)
    after = random.random(), np.random.rand(), float(torch.rand(()))
    assert draws(index) == first
    assert draws(index._replace(seed=6)) != first
    flat = [x for row in first for x in row]
    assert len(set(flat)) == len(flat), 'no draw is shared by two images'
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert after == (random.random(), np.random.rand(), float(torch.rand(())))


def test_stack_streams_flattens_samples(make):
    dataset = make(train_list='train.txt')
    batch = stack_streams(
        [
            dataset[SemiIndex((0,), (0, 1), (), 0)],
            dataset[SemiIndex((1,), (2, 3), (), 1)],
        ]
    )
    assert set(batch) == {'labeled', 'unlabeled'}
    assert batch['labeled']['name'].tolist() == [1, 4]
    assert batch['unlabeled']['name'].tolist() == [0, 2, 3, 5]
    assert batch['unlabeled']['draws'].shape == (4, 3)


def test_names_what_the_config_lacks():
    with pytest.raises(ValueError, match='no `labeled_list`'):
        SemiSegDataset('somewhere')
    with pytest.raises(ValueError, match='no `data_root`'):
        SemiSegDataset(labeled_list='lab.txt')


def test_a_partner_that_nothing_is_taken_from_is_not_loaded(make):
    dataset = make(train_list='train.txt')
    loaded = []

    def pack(info):
        loaded.append(info['img_path'][-5])
        empty = info['img_path'][-5] in '02'
        return dict(
            weak=torch.tensor(int(loaded[-1])),
            boxes=[NO_BOX, NO_BOX if empty else Box(0, 0, 3, 3)],
        )

    dataset.unlabeled.pipeline = pack  # of images 0, 2, 3, 5
    sample = dataset[SemiIndex((), (0, 2), (1, 3), 0)]
    assert loaded == ['0', '3', '5']
    batch = stack_streams([sample, dataset[SemiIndex((), (2,), (0,), 0)]])
    assert batch['unlabeled']['weak'].tolist() == [0, 3, 3]
    assert sample['partner'][0] is None
    assert batch['unlabeled']['boxes'] == [
        [],
        [Paste(1, 0, 0, 0, 3, 3), Paste(2, 1, 0, 0, 3, 3)],
    ]
    assert batch['partner'].keys() == {'weak'}
    assert batch['partner']['weak'].tolist() == [5, 0]
    batch = stack_streams([dataset[SemiIndex((), (0,), (1,), 0)]])
    assert 'partner' not in batch
    assert batch['unlabeled']['boxes'] == [[], []]


def test_an_in_batch_partner_is_the_image_from_the_other_end(make):
    dataset = make(train_list='train.txt')
    dataset.unlabeled.pipeline = lambda info: dict(
        weak=torch.zeros(1), boxes=[Box(0, 0, 1, int(info['img_path'][-5]))]
    )
    samples = [dataset[SemiIndex((), i, (), 0)] for i in ((0, 1), (2, 3))]
    batch = stack_streams(samples)
    assert 'partner' not in batch
    (pastes,) = batch['unlabeled']['boxes']
    assert [(p.image, p.partner, p.y2) for p in pastes] == [
        (1, 2, 2),
        (2, 1, 3),
        (3, 0, 5),
    ]
