"""Every file that a list names must exist."""

import pytest

from mmsemi.preparation.converters import check_lists, convert_cityscapes
from tests.helpers.official import make_cityscapes, photo


@pytest.fixture
def cityscapes(tmp_path):
    return make_cityscapes(tmp_path)


def test_lists_are_checked_after_converting(cityscapes):
    assert 'no lists yet' in check_lists('cityscapes', cityscapes)
    line = (
        'leftImg8bit/val/ulm/ulm_0_leftImg8bit.png '
        'gtFine/val/ulm/ulm_0_gtFine_labelTrainIds.png\n'
    )
    (cityscapes / 'splits').mkdir()
    (cityscapes / 'splits/val.txt').write_text(line)
    with pytest.raises(FileNotFoundError, match='2 of the 2 files'):
        check_lists('cityscapes', cityscapes)
    convert_cityscapes(cityscapes)
    photo(cityscapes / line.split()[0])
    assert 'All files' in check_lists('cityscapes', cityscapes)
