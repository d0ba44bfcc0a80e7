import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsemi.datasets import ListSegDataset
from mmsemi.datasets.transforms import LoadSegImage, LoadSegMask, caching


@pytest.fixture
def info(tmp_path):
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / 'a.png'), rng.integers(0, 256, (8, 9, 3)))
    cv2.imwrite(str(tmp_path / 'm.png'), rng.integers(0, 3, (8, 9)))
    (tmp_path / 'list.txt').write_text('a.png m.png')
    return ListSegDataset(
        'list.txt', str(tmp_path), cache_dir=str(tmp_path / 'cache')
    ).get_data_info(0)


def load(info, **kwargs):
    results = LoadSegMask()(LoadSegImage(**kwargs)(dict(info, seg_fields=[])))
    return results['img'], results['gt_seg_map']


def test_same_arrays_and_no_second_decoding(info, monkeypatch):
    plain = load({k: v for k, v in info.items() if k != 'cache_dir'})
    first = load(info)
    monkeypatch.setattr('mmengine.fileio.get', None)  # nothing is read
    second = load(info)
    for a, b, c in zip(plain, first, second, strict=True):
        assert a.dtype == b.dtype == c.dtype == np.uint8
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_what_is_written_to_an_array_does_not_stay(info):
    expected = [x.copy() for x in load(info)]
    for array in load(info):
        array[:] = 7
    reduced = LoadSegMask()(
        dict(LoadSegImage()(dict(info)), seg_fields=[], reduce_zero_label=True)
    )['gt_seg_map']
    assert (reduced[expected[1] == 0] == 255).all()
    for a, b in zip(expected, load(info), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_changed_file_and_another_way_of_loading(info):
    before, _ = load(info)
    gray, _ = load(info, value_range=(0, 255), channels=3)
    assert len(list(Path(info['cache_dir']).rglob('*.npy'))) == 3
    np.testing.assert_array_equal(gray, before)
    cv2.imwrite(info['img_path'], np.full((8, 9, 3), 9, np.uint8))
    os.utime(info['img_path'], ns=(1, 1))
    after, _ = load(info)
    assert (after == 9).all() and not (before == 9).all()


def test_full_disk_names_file_and_cure(info, monkeypatch):

    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(caching.np, 'save', full)
    with pytest.raises(OSError, match=r'cache/.*npy.*remove `cache_dir`'):
        load(info)
    assert not list(os.walk(info['cache_dir']))[-1][2], 'nothing half written'


@pytest.mark.parametrize('kept', [0, 20, -9])
def test_a_damaged_array_names_files_and_cure(info, kept):
    before, _ = load(info)
    for file in Path(info['cache_dir']).rglob('*.npy'):
        file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(
        ValueError, match=r'cache/.*npy.*a\.png.*damaged.*Remove'
    ) as caught:
        load(info)
    Path(str(caught.value).split(',')[0]).unlink()
    np.testing.assert_array_equal(LoadSegImage()(dict(info))['img'], before)
