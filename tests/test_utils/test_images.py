"""Sizes and channel orders of image files."""

import cv2
import numpy as np
import pytest

from mmsemi.utils.images import UnfitImage, as_bgr, channels_last, image_size, to_8bit
from tests.test_datasets.test_bad_input import vast_png

H, W = 12, 20


@pytest.mark.parametrize('suffix', ['png', 'jpg', 'tif', 'bmp'])
def test_sizes_are_height_and_width(tmp_path, suffix):
    path = tmp_path / f'a.{suffix}'
    cv2.imwrite(str(path), np.zeros((H, W, 3), np.uint8))
    assert image_size(path) == (H, W)


def test_sizes_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.png'):
        image_size(tmp_path / 'gone.png')
    (tmp_path / 'a.png').write_bytes(b'no image')
    with pytest.raises(OSError, match='a.png'):
        image_size(tmp_path / 'a.png')
    (tmp_path / 'a.png').write_bytes(vast_png(40_000))
    with pytest.raises(OSError, match='a.png.*exceeds limit'):
        image_size(tmp_path / 'a.png')


def test_channels_go_last():
    img = np.arange(4 * H * W).reshape(4, H, W)
    np.testing.assert_array_equal(channels_last(img), img.transpose(1, 2, 0))
    assert channels_last(img[0]).shape == (H, W, 1)
    assert channels_last(img, W) is img
    rgb = img[:3].transpose(1, 2, 0)
    np.testing.assert_array_equal(as_bgr(rgb), rgb[..., ::-1])
    np.testing.assert_array_equal(as_bgr(img[0]), np.dstack([img[0]] * 3))


def test_values_beyond_the_range_are_clipped():
    img = np.array([[[-1.0], [0.5], [7.0], [np.nan]]], np.float32)
    assert to_8bit(img, (0, 1)).ravel().tolist() == [0, 128, 255, 0]
    with pytest.raises(UnfitImage, match='float32.*value_range'):
        to_8bit(img, None)
