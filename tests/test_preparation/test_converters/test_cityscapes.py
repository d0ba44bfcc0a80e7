"""Label ids become train ids."""

import numpy as np
import pytest

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.preparation.converters import convert_cityscapes
from tests.helpers.official import make_cityscapes, save, stamps


@pytest.fixture
def cityscapes(tmp_path):
    return make_cityscapes(tmp_path)


def test_cityscapes(cityscapes):
    assert convert_cityscapes(cityscapes) == 2
    for name in ('train/aachen/aachen_0', 'val/ulm/ulm_0'):
        mask = read_codes(cityscapes / f'gtFine/{name}_gtFine_labelTrainIds.png')
        ids = read_codes(cityscapes / f'gtFine/{name}_gtFine_labelIds.png')
        # The table that the data set's own scripts publish.
        official = {
            7: 0,
            8: 1,
            11: 2,
            12: 3,
            13: 4,
            17: 5,
            19: 6,
            20: 7,
            21: 8,
            22: 9,
            23: 10,
            24: 11,
            25: 12,
            26: 13,
            27: 14,
            28: 15,
            31: 16,
            32: 17,
            33: 18,
        }
        expected = np.full_like(ids, 255)
        for i, train_id in official.items():
            expected[ids == i] = train_id
        assert (mask == expected).all()
    assert not list(cityscapes.glob('gtFine/test/*/*TrainIds.png'))


def test_cityscapes_continues_an_interrupted_conversion(cityscapes):
    convert_cityscapes(cityscapes)
    before = stamps(cityscapes)
    lost = next(cityscapes.glob('gtFine/train/*/*TrainIds.png'))
    lost.unlink()
    assert convert_cityscapes(cityscapes, workers=2) == 1
    after = stamps(cityscapes)
    assert {f for f in after if after[f] != before[f]} == {lost}


def test_cityscapes_refuses_other_values(cityscapes, tmp_path):
    file = next(cityscapes.glob('gtFine/train/*/*labelIds.png'))
    save(file, np.full((6, 8), 34))
    with pytest.raises(ValueError, match='holds 34 to 34, but label ids'):
        convert_cityscapes(cityscapes)
    with pytest.raises(FileNotFoundError, match='gtFine_trainvaltest.zip'):
        convert_cityscapes(tmp_path / 'nowhere')
