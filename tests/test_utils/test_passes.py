"""A pass is continued where it was killed, by any number of processes."""

import threading

import numpy as np
import pytest

from mmsemi.utils.passes import Pass


def visit(work, items=None):
    """Finish some items, or all that are left, with their square as value."""
    for item in work.left.tolist()[:items]:
        work.note(item, item**2)


def test_each_item_is_visited_once_whatever_is_killed(tmp_path):
    first = [Pass(tmp_path, 'a', 20, process, 3) for process in range(3)]
    assert sorted(np.concatenate([work.left for work in first])) == list(range(20))
    visit(first[0])
    first[0].end()
    visit(first[1], 2)
    with first[1].file.open('ab') as notes:
        notes.write(b'cut off by')
    assert first[2].count() == 7 + 2
    assert not first[0].ended()

    second = [Pass(tmp_path, 'a', 20, process, 2) for process in range(2)]
    left = np.concatenate([work.left for work in second])
    assert sorted(left) == sorted({*range(20)} - {*range(0, 20, 3), 1, 4})
    assert [work.earlier for work in second] == [4 + 1, 3 + 1]
    for work in second:
        assert not work.ended()
        visit(work)
        work.end()
    assert all(work.ended() for work in second)
    items, values = second[0].results()
    assert items.tolist() == list(range(20))
    assert values.tolist() == [i**2 for i in range(20)]
    second[1].remove()
    assert not list(tmp_path.iterdir())


def test_results_of_other_settings_are_not_continued(tmp_path):
    """Nor are those that others have overwritten since."""
    for mark in 'aba':
        work = Pass(tmp_path, mark, 4)
        assert work.left.tolist() == [0, 1, 2, 3]
        visit(work, 3)
    assert Pass(tmp_path, 'a', 4).left.tolist() == [3]
    assert Pass(tmp_path, 'a', 4, anew=True).left.tolist() == [0, 1, 2, 3]


def test_waits_for_the_others_as_long_as_they_advance(tmp_path, monkeypatch):
    monkeypatch.setattr('mmsemi.utils.passes.LOOK', 0.04)
    one, other = (Pass(tmp_path, 'a', 8, process, 2) for process in range(2))
    visit(one)
    one.end()
    told = []
    thread = threading.Timer(0.05, lambda: (visit(other), other.end()))
    thread.start()
    one.wait(lambda: told.append(one.count()), 60)
    assert one.ended() and told[0] == 4
    thread.join()
    one.file.unlink()  # as if that process had died before it wrote anything
    other.wait(lambda: None, 0.1)
    assert not other.ended()


def test_tells_how_fast_and_how_long(tmp_path, capsys, monkeypatch):
    """Of all processes together."""
    monkeypatch.setattr('mmsemi.utils.passes.LOOK', 0)
    monkeypatch.setattr('mmsemi.utils.progress.EVERY', 0)
    now = [0.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    one, other = (Pass(tmp_path, 'a', 100, process, 2) for process in range(2))
    with one.shown('Labeling') as tell:
        visit(one, 10)
        visit(other, 30)
        now[0] = 20
        tell()
        assert capsys.readouterr().out == 'Labeling 40/100  2 images/s  30 s left\n'
        visit(one, 10)
        now[0] = 100
        tell()
    assert capsys.readouterr().out.splitlines() == [
        'Labeling 50/100  0.125 images/s  7 min left',
        'Labeling 50/100  0.5 images/s  in 2 min',
    ]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file could not be written to'):
        Pass(tmp_path / 'file', 'a', 3)
