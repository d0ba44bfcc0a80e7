"""Generated lists: balanced over the classes, nested, seeded."""

import cv2
import numpy as np
import pytest

from mmsemi.datasets import read_list
from mmsemi.preparation.splits.balanced import (
    balanced_order,
    generate_lists,
    read_labels,
    shown_classes,
)


def shown(seed, images=60):
    """Draw which of eight classes each image shows; the last is the rarest."""
    rng = np.random.default_rng(seed)
    table = rng.random((images, 8)) < np.linspace(0.9, 0.05, 8)
    table[0, 7] = True
    return table


@pytest.mark.parametrize('seed', range(5))
def test_balanced_order(seed):
    table = shown(seed)
    order = balanced_order(table, 60, seed)
    assert sorted(order) == list(range(60))
    assert balanced_order(table, 10, seed) == order[:10]
    assert table[order[:8]].any(0).all()  # eight images show eight classes
    rare = table[:, -2:].sum(1)
    drawn = np.random.RandomState(seed).permutation(60)
    assert rare[order[:15]].sum() >= rare[drawn[:15]].sum()
    assert balanced_order(table, 60, seed + 100) != order


def test_images_without_a_class_come_last():
    table = shown(0)
    table[[3, 9]] = False
    assert set(balanced_order(table, 60, 0)[-2:]) == {3, 9}


def test_shown_classes(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 2, 255]], np.uint8))
    cv2.imwrite(str(tmp_path / 'b.png'), np.array([[1, 1, 1]], np.uint8))
    files = [tmp_path / 'a.png', tmp_path / 'b.png']
    table = shown_classes(read_labels(files))
    assert np.argwhere(table).tolist() == [[0, 0], [0, 2], [1, 1]]
    assert np.argwhere(
        shown_classes(read_labels(files, zero_is_ignore=True))
    ).tolist() == [[0, 2], [1, 1]]
    (tmp_path / 'b.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'b.png \(8 bytes\) cannot be decoded'):
        read_labels(files, workers=2)


def test_generated_lists_are_nested_and_seeded(tiny_data, tmp_path):
    def lists(seed):
        counts = generate_lists(tmp_path, 'splits/train.txt', (2, 4), seed)
        assert list(counts) == [f'splits/seed{seed}_1_{part}.txt' for part in (4, 2)]
        return [read_list(tmp_path / name) for name in counts]

    for folder in ('images', 'labels', 'splits'):
        (tmp_path / folder).symlink_to(tiny_data / folder) if folder != 'splits' else (
            tmp_path / folder
        ).mkdir()
    train = tiny_data / 'splits/train.txt'
    (tmp_path / 'splits/train.txt').write_text(train.read_text())
    small, large = lists(0)
    assert len(small) == 2 and len(large) == 4
    assert set(small) < set(large) < set(read_list(train))
    assert lists(0) == [small, large]
    assert any(lists(seed) != [small, large] for seed in (1, 2, 3))
    with pytest.raises(ValueError, match='Choose others with --parts'):
        generate_lists(tmp_path, 'splits/train.txt', (100,), 0)
