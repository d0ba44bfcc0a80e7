"""ADE20K's official masks pass, others do not."""

import numpy as np
import pytest

from mmsemi.preparation.converters import check_ade20k
from tests.helpers.official import photo, save, stamps


@pytest.fixture
def ade20k(tmp_path):
    for part in ('training', 'validation'):
        photo(tmp_path / f'images/{part}/ADE_1.jpg')
        save(
            tmp_path / f'annotations/{part}/ADE_1.png',
            np.arange(48).reshape(6, 8) + 103,
        )
    return tmp_path


def test_ade20k_masks_stay_as_they_are(ade20k):
    before = stamps(ade20k)
    assert check_ade20k(ade20k) == 2
    assert stamps(ade20k) == before


@pytest.mark.parametrize(
    'value,match', [(255, 'is already shifted'), (151, 'holds 151, but')]
)
def test_ade20k_other_masks_are_found(ade20k, value, match):
    mask = np.zeros((6, 8))
    mask[2, 3] = value
    save(ade20k / 'annotations/training/ADE_1.png', mask)
    with pytest.raises(ValueError, match=match):
        check_ade20k(ade20k, workers=2)


def test_ade20k_sizes_are_compared(ade20k):
    save(ade20k / 'annotations/validation/ADE_1.png', np.zeros((8, 6)))
    with pytest.raises(ValueError, match='1 failed'):
        check_ade20k(ade20k)
    with pytest.raises(FileNotFoundError, match='ADEChallengeData2016.zip'):
        check_ade20k(ade20k / 'nowhere')
