"""A run whose epochs have changed in length resumes at the same share of them."""

import logging
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop

from mmsemi.engine.runner.resuming import EPOCH, describe_epoch, find_place


class Loader(SimpleNamespace):
    def __len__(self):
        return len(self.dataset) // self.processes // self.batch_size


def make_runner(batch, processes=1, steps=1, images=24):
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    loop.dataloader = Loader(
        dataset=[0] * images, batch_size=batch, processes=processes
    )
    return SimpleNamespace(
        train_loop=loop,
        train_dataloader=loop.dataloader,
        world_size=processes,
        logger=logging.getLogger(__name__),
        cfg=Config(dict(optim_wrapper=dict(accumulative_counts=steps))),
    )


def resume(old, new, epoch, done):
    checkpoint = dict(meta=dict(epoch=epoch, iter=epoch * old['steps'] + done))
    checkpoint['meta'][EPOCH] = old
    find_place(new, checkpoint, 'a.pth')
    return checkpoint['meta']['epoch'], checkpoint['meta']['iter']


@pytest.mark.parametrize(
    ('new', 'expected'),
    [
        # From one process with batches of 4, after 2 epochs and 3 of 6 steps.
        (make_runner(4), 15),
        (make_runner(2, processes=2), 15),  # the same samples in a step
        (make_runner(2), 24 + 6),
        (make_runner(2, processes=4), 6 + 1),  # 8 of the 12 samples
        (make_runner(1, processes=3), 16 + 4),
        (make_runner(2, steps=4), 24 + 4),  # not inside an update
        (make_runner(4, images=28), 14),  # other lists: the epoch starts over
    ],
)
def test_same_share_of_the_epochs(new, expected):
    assert resume(describe_epoch(make_runner(4)), new, 2, 3) == (2, expected)


@pytest.mark.parametrize('done', [0, 6])
def test_the_end_of_an_epoch_stays_its_end(done):
    """An end of an epoch lies inside another one if counted in steps."""
    for new in (make_runner(2), make_runner(8), make_runner(6, images=30)):
        steps = len(new.train_dataloader)
        expected = 2 * steps + (steps if done else 0)
        old = describe_epoch(make_runner(4))
        assert resume(old, new, 2, done) == (2, expected)


def test_a_checkpoint_that_does_not_describe_its_epoch(caplog):
    meta = dict(epoch=2, iter=15)
    find_place(make_runner(4), dict(meta=meta), 'old.pth')
    assert meta == dict(epoch=2, iter=15)
    find_place(make_runner(12), dict(meta=meta), 'old.pth')
    assert meta == dict(epoch=2, iter=4)
    assert 'old.pth was written at iteration 15' in caplog.text
