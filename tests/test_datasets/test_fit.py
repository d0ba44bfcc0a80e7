"""Masks that teach nothing are found before a training."""

import numpy as np
import pytest
from PIL import Image

from mmsemi.datasets import ListSegDataset, SemiSegDataset
from mmsemi.engine.runner.checks import check_labels


@pytest.fixture
def root(tmp_path):
    """Writes masks of one value each, and their list."""

    def make(*values):
        lines = []
        for i, value in enumerate(values):
            for name, pixels in (('i', np.zeros((4, 5, 3))), ('m', value)):
                pixels = np.broadcast_to(pixels, (4, 5, 3) if name == 'i' else (4, 5))
                Image.fromarray(pixels.astype(np.uint8)).save(
                    tmp_path / f'{name}{i}.png'
                )
            lines.append(f'i{i}.png m{i}.png')
        (tmp_path / 'list.txt').write_text('\n'.join(lines))
        return str(tmp_path)

    return make


META = dict(classes=('other', 'thing'))


@pytest.mark.parametrize(
    'values, said',
    [
        ((0, 0, 0), "one class alone, 'other' .label 0"),
        ((255, 1, 1), "one class alone, 'thing' .label 1"),
        ((255, 255), 'hold only 255'),
    ],
)
def test_labeled_masks_of_one_class(root, values, said):
    dataset = SemiSegDataset(root(*values), 'list.txt', metainfo=META)
    with pytest.raises(ValueError, match=f'list.txt: .*{said}'):
        check_labels(dataset)


def test_masks_are_read_until_there_are_two_classes(root, tmp_path):
    dataset = SemiSegDataset(root(1, 255, 0, 1), 'list.txt', metainfo=META)
    (tmp_path / 'm3.png').write_bytes(b'')
    check_labels(dataset)


def test_validation_needs_one_class(root):
    check_labels(ListSegDataset('list.txt', root(255, 1), metainfo=META), need=1)
    dataset = ListSegDataset('list.txt', root(255, 255), metainfo=META)
    with pytest.raises(ValueError, match='hold only 255'):
        check_labels(dataset, need=1)
