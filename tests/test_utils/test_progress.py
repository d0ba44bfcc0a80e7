"""Progress bars end with their block, also when an error ends it."""

import threading

import pytest

from mmsemi.utils.progress import progress_bar


def drawing(wait: float = 0) -> list[threading.Thread]:
    """List the threads that draw progress bars and do not end within some seconds."""
    found = [t for t in threading.enumerate() if type(t).__module__[:5] == 'rich.']
    for thread in found:
        thread.join(wait)
    return [thread for thread in found if thread.is_alive()]


def test_a_bar_iterates_over_its_items():
    with progress_bar('abc', 'letters') as bar:
        assert list(bar) == ['a', 'b', 'c']
    assert not drawing(wait=5)


@pytest.mark.parametrize('disable', (False, True))
def test_an_error_ends_the_bar(disable):
    with pytest.raises(RuntimeError):
        with progress_bar(range(9), 'numbers', disable=disable) as bar:
            for _ in bar:
                assert drawing()
                raise RuntimeError
    assert not drawing(wait=5)  # while `bar` still refers to the generator
    assert list(bar) == []
