"""Progress bars end with their block, also when an error ends it."""

import threading

import pytest

from mmsemi.utils.progress import progress_bar


def drawing():
    """List the threads that draw progress bars."""
    threads = threading.enumerate()
    return [thread for thread in threads if type(thread).__module__.startswith('rich.')]


def test_a_bar_iterates_over_its_items():
    with progress_bar('abc', 'letters') as bar:
        assert list(bar) == ['a', 'b', 'c']
    assert not drawing()


@pytest.mark.parametrize('disable', (False, True))
def test_an_error_ends_the_bar(disable):
    with pytest.raises(RuntimeError):
        with progress_bar(range(9), 'numbers', disable=disable) as bar:
            for _ in bar:
                assert drawing()
                raise RuntimeError
    assert not drawing()  # while `bar` still refers to the generator
    assert list(bar) == []
