import pytest

from mmsemi.engine.runner.batch import samples_per_step


@pytest.mark.parametrize(
    'loader, settings, processes, samples',
    [
        (dict(), dict(total_batch_size=8), 1, 8),
        (dict(), dict(total_batch_size=8), 2, 4),
        (dict(), dict(total_batch_size=8, optim_wrapper=None), 1, 8),
        (
            dict(),
            dict(total_batch_size=8, optim_wrapper=dict(accumulative_counts=2)),
            2,
            2,
        ),
        # Per process and step: neither divides it.
        (
            dict(batch_size=3),
            dict(total_batch_size=8, optim_wrapper=dict(accumulative_counts=2)),
            2,
            3,
        ),
        (dict(), dict(), 4, 1),
    ],
)
def test_samples_in_a_step(loader, settings, processes, samples):
    cfg = dict(train_dataloader=loader, **settings)
    assert samples_per_step(cfg, processes) == samples


def test_a_batch_that_cannot_be_divided():
    cfg = dict(
        train_dataloader=dict(),
        total_batch_size=8,
        optim_wrapper=dict(accumulative_counts=3),
    )
    with pytest.raises(ValueError, match='8 .* 2 processes of 3 steps per update'):
        samples_per_step(cfg, 2)
