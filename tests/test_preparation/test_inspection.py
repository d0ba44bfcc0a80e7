"""Lists that teach or score nothing are errors."""

import numpy as np
import pytest

from mmsemi.preparation.inspection import Entry, find_absent

NAMES = ('sky', 'road', 'car')


@pytest.mark.parametrize(
    'name, labels, level, said',
    [
        ('labeled', (1, 255), 'error', "one class alone, 'road'"),
        ('labeled', (255,), 'error', 'hold only 255'),
        ('labeled', (0, 1), 'warning', 'no pixel of car'),
        ('val', (1, 255), 'warning', 'no pixel of sky, car'),
        ('val', (255,), 'error', 'hold only 255'),
    ],
)
def test_lists_with_too_few_classes(name, labels, level, said):
    pixels = np.bincount(labels, minlength=256)
    entries = [Entry('a.png', pixels=pixels), Entry('b.png', fault='damaged')]
    (finding,) = find_absent(name, entries, NAMES)
    assert finding.level == level and said in finding.message
