"""OwedValidationHook runs the validations that a kill prevented."""

import logging
from types import SimpleNamespace

import pytest

from mmsemi.engine import OwedValidationHook


@pytest.fixture
def resume(tmp_path):
    """Return a function that resumes a run and returns the epochs it validates.

    An epoch has two steps; of five epochs, every second one and the last have
    a validation.
    """

    def resume(epoch, iter, hook=None, val=True, others=()):
        hook = hook or OwedValidationHook()
        validated = []
        runner = SimpleNamespace(
            work_dir=str(tmp_path),
            epoch=epoch,
            iter=iter,
            hooks=[hook, *others],
            logger=logging.getLogger(__name__),
            train_loop=SimpleNamespace(
                dataloader=[0, 0], val_begin=1, val_interval=2, max_epochs=5
            ),
            val_loop=None,
        )
        if val:

            def run():
                validated.append(epoch)
                hook.after_val_epoch(runner, {})

            runner.val_loop = SimpleNamespace(run=run)
        hook.before_train(runner)
        return validated, runner

    return resume


@pytest.mark.parametrize(
    'epoch, iter, expected',
    [(0, 0, []), (1, 2, []), (2, 4, [2]), (2, 5, []), (3, 6, []), (5, 10, [5])],
)
def test_due_at_the_end_of_an_epoch(resume, epoch, iter, expected):
    assert resume(epoch, iter)[0] == expected


def test_a_completed_validation_is_not_owed(resume):
    hook = OwedValidationHook()
    _, runner = resume(1, 2, hook)
    runner.epoch, runner.iter = 2, 4
    hook.after_val_epoch(runner, {})
    assert resume(2, 4)[0] == []
    assert resume(4, 8)[0] == [4]


@pytest.mark.parametrize('lacks', [True, False])
def test_a_validation_that_a_hook_lacks_is_repeated(resume, lacks):
    hook = OwedValidationHook()
    _, runner = resume(2, 4, hook)
    hook.after_val_epoch(runner, {})
    other = SimpleNamespace(lacks_validation=lambda runner: lacks)
    assert resume(2, 4, others=[other])[0] == ([2] if lacks else [])
    assert resume(2, 5, others=[other])[0] == []  # none is due there


def test_a_second_resume_repeats_the_owed_validation(resume):
    """The checkpoint was written before the validation and lacks its outcome."""
    assert resume(2, 4)[0] == [2]
    assert resume(2, 4)[0] == [2]


def test_without_validation_nothing_is_owed(resume):
    assert resume(2, 4, val=False)[0] == []
