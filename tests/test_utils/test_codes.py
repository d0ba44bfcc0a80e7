"""Codes of masks and their labels."""

import numpy as np

from mmsemi.utils.codes import ValueMap, pack_colors, show_code


def test_codes_become_labels_in_any_order():
    value_map = ValueMap([(70, 2), (0, 0), (255, 1)])
    codes = np.array([[0, 70], [71, 255]])
    labels, unknown = value_map(codes)
    assert labels[~unknown].tolist() == [0, 2, 1]
    assert unknown.tolist() == [[False, False], [True, False]]
    assert value_map.describe(codes) == (
        '0 (1 pixels), 70 (1 pixels), 71 (1 pixels), 255 (1 pixels)'
    )
    assert value_map.describe(codes, most=1) == '0 (1 pixels), ...'


def test_colours_are_packed_as_they_are_shown():
    bgr = np.array([[[3, 2, 1]]], np.uint8)
    (code,) = pack_colors(bgr).ravel().tolist()
    assert show_code(code, True) == '#010203'
    labels, unknown = ValueMap([((1, 2, 3), 7)])(pack_colors(bgr))
    assert labels.tolist() == [[7]] and not unknown.any()
