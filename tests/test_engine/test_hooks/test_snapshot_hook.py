"""SnapshotHook finds out before training that a snapshot was never taken."""

from types import SimpleNamespace

import pytest
from mmengine.runner import EpochBasedTrainLoop

from mmsemi.engine.hooks.snapshot_hook import SnapshotHook, snapshot_files


@pytest.fixture
def resume(tmp_path):
    """Resume a run of 6 epochs, after some of them, with another number."""
    (tmp_path / 'snapshots').mkdir()

    def resume(done, max_epochs):
        for file in snapshot_files(str(tmp_path), 6):
            if int(file.rpartition('_')[2][:-4]) <= done:
                open(file, 'w').close()
        runner = SimpleNamespace(
            train_loop=EpochBasedTrainLoop.__new__(EpochBasedTrainLoop),
            work_dir=str(tmp_path),
            epoch=done,
            max_epochs=max_epochs,
        )
        SnapshotHook().before_train(runner)

    return resume


@pytest.mark.parametrize(
    ('done', 'max_epochs'), [(0, 9), (2, 9), (5, 6), (6, 6), (5, 12)]
)
def test_snapshots_that_were_taken_serve_another_length(resume, done, max_epochs):
    resume(done, max_epochs)


def test_a_snapshot_that_is_in_the_past_is_refused(resume):
    with pytest.raises(ValueError, match='4 epochs without the snapshots epoch_3.pth'):
        resume(4, 9)
