"""StallHook names the process that others wait for.

``test_processes.py`` tests on real processes that it ends the run.
"""

import time

import pytest

from mmsemi.engine.hooks.stall_hook import UNREACHABLE, Sign, _limited, diagnose


def test_a_question_without_an_answer_ends():
    """As with the network down."""
    said = []
    with _limited(0.05, said.append):
        end = time.monotonic() + 10
        while not said and time.monotonic() < end:
            time.sleep(0.01)
    with _limited(0.05, said.append):
        pass
    time.sleep(0.1)
    assert said == [UNREACHABLE]


@pytest.mark.parametrize(
    'now, lost, said',
    [
        (
            [Sign(7, 5), Sign(7, 3)],
            True,
            'waits for process 1, which gives no sign of life',
        ),
        ([Sign(7, 5), Sign()], True, 'waits for process 1, which gives no sign'),
        (
            [Sign(7, 5), Sign(6, 5), Sign(7, 5), Sign(2, 4)],
            True,
            'waits for process 1, 3, which is behind',
        ),
        (
            [Sign(7, 5), Sign(7, 3), Sign(6, 5)],
            True,
            'process 1, which gives no sign of life and process 2, which is behind',
        ),
        ([Sign(7, 5), Sign(8, 5)], True, 'The others wait for it'),
        # All are slow and none is lost: PyTorch's timeout decides.
        ([Sign(7, 5), Sign(7, 4)], False, 'Nor have the others'),
    ],
)
def test_who_is_waited_for(now, lost, said):
    """At the first reading, by process 0, all beats were 3 or less."""
    before = [Sign(sign.place, min(sign.beat, 3)) for sign in now]
    found, whom = diagnose(0, before, now)
    assert found == lost
    assert said in whom
