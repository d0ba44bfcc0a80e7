from types import SimpleNamespace

import pytest

from mmsemi.datasets import SemiSampler


def sampler(labeled=5, unlabeled=12, rank=0, world=1, **kwargs):
    dataset = SimpleNamespace(num_labeled=labeled, num_unlabeled=unlabeled)
    kwargs.setdefault('seed', 7)
    made = SemiSampler(dataset, **kwargs)
    made.rank, made.world_size = rank, world
    return made


def flat(indices, stream):
    return [i for index in indices for i in getattr(index, stream)]


def test_every_unlabeled_image_once_an_epoch():
    order = list(sampler())
    assert len(order) == 12
    assert sorted(flat(order, 'unlabeled')) == list(range(12))
    # 12 = 2 * 5 + 2: every labeled image two or three times.
    labeled = flat(order, 'labeled')
    assert {labeled.count(i) for i in range(5)} == {2, 3}


def test_epochs_differ_and_repeat_by_seed():
    one, again, other = sampler(), sampler(), sampler(seed=8)
    first = list(one)
    assert first == list(again)
    assert first != list(other)
    one.set_epoch(1)
    second = list(one)
    assert second != first
    assert len({i.seed for i in first + second}) == 24


@pytest.mark.parametrize('world, batch', [(1, 6), (2, 3), (3, 2)])
def test_steps_are_the_same_for_any_split(world, batch):
    """A step of all processes sees what a step of one process sees."""
    whole = list(sampler())
    split = [list(sampler(rank=r, world=world)) for r in range(world)]
    for step in range(2):
        seen = [i for part in split for i in part[step * batch : (step + 1) * batch]]
        assert set(seen) == set(whole[step * 6 : (step + 1) * 6])


def test_partner_policies():
    independent = list(sampler(partner='independent'))
    assert all(i.partner != i.unlabeled for i in independent)
    assert sorted(flat(independent, 'partner')) == list(range(12))
    same = list(sampler(partner='same_image'))
    assert all(i.partner == i.unlabeled for i in same)
    assert all(i.partner == () for i in sampler(partner='in_batch'))


@pytest.mark.parametrize(
    'ratio, length', [((1, 2), 6), ((3, 1), 12), ((1, 0), 12), ((0, 1), 12)]
)
def test_ratios(ratio, length):
    order = list(sampler(ratio=ratio))
    assert len(order) == length
    assert {(len(i.labeled), len(i.unlabeled)) for i in order} == {ratio}


def test_skip_continues_where_a_run_stopped():
    whole = list(sampler(rank=1, world=2))
    resumed = sampler(rank=1, world=2)
    resumed.skip(4)
    assert list(resumed) == whole[4:]
    assert list(resumed) == whole, 'only the next pass is shortened'


def test_infinite_repeats_the_epochs():

    def take(iterator, n):
        return [next(iterator) for _ in range(n)]

    epochs = []
    for epoch in range(3):
        one = sampler()
        one.set_epoch(epoch)
        epochs += list(one)
    assert take(iter(sampler(infinite=True)), 36) == epochs
    resumed = sampler(infinite=True)
    resumed.skip(29)
    assert take(iter(resumed), 7) == epochs[29:]


def test_without_shuffle():
    order = list(sampler(shuffle=False))
    assert flat(order, 'unlabeled') == list(range(12))
    assert flat(order, 'labeled') == [0, 1, 2, 3, 4] * 2 + [0, 1]


def test_no_unlabeled_images():
    order = list(sampler(unlabeled=0, ratio=(1, 0)))
    assert sorted(flat(order, 'labeled')) == list(range(5))


@pytest.mark.parametrize(
    'kwargs, said',
    [
        (dict(partner='twin'), 'twin'),
        (dict(ratio=(0, 0)), r'\(0, 0\)'),
        (dict(unlabeled=1, ratio=(1, 2)), 'too few for 1 processes'),
    ],
)
def test_faults(kwargs, said):
    with pytest.raises(ValueError, match=said):
        sampler(**kwargs)
