"""SBD's masks are added to VOC's, which stay."""

import sys

import numpy as np
import pytest

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.preparation.converters import convert_pascal
from tests.helpers.official import make_voc, photo, sbd_mat, stamps


@pytest.fixture
def voc(tmp_path):
    return make_voc(tmp_path)


@pytest.mark.parametrize('folder', ['sbd', 'sbd/dataset'])
def test_pascal_adds_to_voc(voc, tmp_path, folder):
    before = stamps(voc)
    assert convert_pascal(voc, tmp_path / folder) == 1
    mask = read_codes(voc / 'SegmentationClass/c.png')
    assert mask.dtype == np.uint8
    assert (mask == np.tile(range(8), (6, 1))).all()
    after = stamps(voc)
    assert after.items() > before.items()  # VOC's own masks are untouched
    assert convert_pascal(voc, tmp_path / folder) == 0
    assert stamps(voc) == after


def test_pascal_needs_all_of_voc(voc, tmp_path):
    (voc / 'SegmentationClass/b.png').unlink()
    with pytest.raises(FileNotFoundError, match='for example b.png'):
        convert_pascal(voc, tmp_path / 'sbd')
    (voc / 'ImageSets/Segmentation/trainval.txt').unlink()
    with pytest.raises(FileNotFoundError, match='VOCtrainval_11-May-2012'):
        convert_pascal(voc, tmp_path / 'sbd')
    assert not (voc / 'SegmentationClass/c.png').exists()


def test_pascal_without_scipy(voc, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy', None)
    with pytest.raises(ImportError, match=r"pip install 'mmsemi\[sbd\]'"):
        convert_pascal(voc, tmp_path / 'sbd')


def test_pascal_continues_after_a_damaged_file(voc, tmp_path):
    sbd = tmp_path / 'sbd/dataset'
    for name, mask in (('d', np.full((6, 8), 21)), ('e', np.ones((8, 6)))):
        photo(voc / f'JPEGImages/{name}.jpg')
        sbd_mat(sbd, name, mask)
    mat = (sbd / 'cls/c.mat').read_bytes()
    (sbd / 'cls/f.mat').write_bytes(mat[:200])
    with pytest.raises(ValueError) as error:
        convert_pascal(voc, sbd, workers=2)
    assert '3 failed' in str(error.value)
    assert 'd.mat holds values 21 to 21' in str(error.value)
    assert 'e.mat is (8, 6)' in str(error.value)
    assert 'f.mat cannot be read' in str(error.value)
    assert (voc / 'SegmentationClass/c.png').is_file()
    assert not (voc / 'SegmentationClass/d.png').exists()
