"""Progress ends with its block, also when an error ends it."""

import io
import subprocess
import sys
import threading

import pytest
import rich

from mmsemi.utils import progress
from mmsemi.utils.progress import Job, close_all, in_words, progress_bar


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal of 100 columns gets, and what it shows at the end."""
    console = rich.console.Console(
        force_terminal=True, width=100, height=20, file=io.StringIO(), record=True
    )
    monkeypatch.setattr(progress, 'console', lambda: console)
    monkeypatch.setattr(progress, 'on_terminal', lambda: True)
    return console


def redirected():
    """Tell whether a bar takes what is printed."""
    return type(sys.stdout).__module__.startswith('rich')


def test_iterates_over_its_items(capsys):
    with progress_bar('abc', 'letters') as bar:
        assert list(bar) == ['a', 'b', 'c']
    assert capsys.readouterr().out == 'letters 3/3  in 0 s\n'


def test_a_bar(terminal):
    """Drawn by no thread, which a forked worker could not do without."""
    with Job('training', 10, done=4) as job:
        assert redirected() and threading.active_count() == 1
        job.note('loss 0.5', left=7300)
        job.advance()
        with terminal.capture() as shown:
            job._bars.refresh()
    assert not redirected()
    first, second = shown.get().splitlines()[-2:]
    assert 'training' in first and '5/10' in first and '2 h 02 min left' in first
    assert 'loss 0.5' in second


@pytest.mark.parametrize('disable', (False, True))
def test_an_error_ends_the_bar(disable, terminal):
    with pytest.raises(RuntimeError):
        with progress_bar(range(9), 'numbers', disable=disable) as bar:
            for _ in bar:
                assert redirected() is not disable
                raise RuntimeError
    assert not redirected()
    assert list(bar) == []


def test_an_error_far_from_the_bar_ends_it(terminal):
    Job('training', 10)
    assert redirected()
    close_all()
    assert not redirected()


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(progress, 'EVERY', 0)
    with progress_bar(iter('ab'), 'letters', 2) as bar:
        next(bar)
        next(bar)
        assert capsys.readouterr().out == 'letters 1/2  0 s left\n'
    with progress_bar(iter('a'), 'unknown') as bar:
        list(bar)
    assert capsys.readouterr().out.startswith('unknown 1\n')
    with progress_bar('ab', 'quiet', disable=True) as bar:
        list(bar)
    with Job('another process', 2, show=False) as job:
        job.line()
        job.advance()
    assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
    ('seconds', 'words'),
    [
        (0.2, '0 s'),
        (99, '99 s'),
        (100, '2 min'),
        (5900, '98 min'),
        (6010, '1 h 40 min'),
        (47.99 * 3600, '47 h 59 min'),
        (50 * 3600, '2 days 2 h'),
    ],
)
def test_durations(seconds, words):
    assert in_words(seconds) == words


FORK = """
import os, sys
from unittest import mock
from mmsemi.utils import progress, terminal
mock.patch.object(progress, 'on_terminal', lambda: True).start()
console = terminal.console()
console._force_terminal = console.is_interactive = True
with progress.Job('working', 3):
    if os.fork() == 0:
        terminal.stop_redirecting()
        print('from a worker')
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def test_a_worker_prints_while_there_is_a_bar():
    done = subprocess.run(
        [sys.executable, '-c', FORK], capture_output=True, text=True, check=True
    )
    assert done.stdout.count('from a worker\n') == 1
    assert done.stdout.count('working') == 2, 'drawn by the first process alone'
