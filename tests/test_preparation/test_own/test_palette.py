"""No two classes look alike, whoever looks at them, and none is black."""

import itertools

import numpy as np
import pytest

from mmsemi.preparation.own.classes import read_classes
from mmsemi.preparation.own.palette import DISTINCT, class_palette, lab
from mmsemi.visualization import draw_segmentation

# Machado, Oliveira and Fernandes (2009), severity 1, in linear RGB.
VISION = dict(
    normal=np.eye(3),
    protanopia=[
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    deuteranopia=[
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    tritanopia=[
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
)


def seen(colors, vision):
    """Simulate how RGB colors, 0..255, appear to somebody."""
    values = np.asarray(colors) / 255
    linear = np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    linear = np.clip(linear @ np.array(VISION[vision]).T, 0, 1)
    return 255 * np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
    )


def smallest_distance(colors):
    places = lab(colors)
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(places, 2))


@pytest.mark.parametrize('vision', VISION)
def test_twenty_classes_stay_apart_for_the_color_blind(vision):
    """2.3 is a difference that is just seen; a legend needs several times that."""
    assert smallest_distance(seen(DISTINCT, vision)) > 21
    assert smallest_distance(seen(DISTINCT[:5], vision)) > 42


def test_the_simulation_confuses_what_the_color_blind_confuse():
    """Else the test above could not fail: these are far apart for other people."""
    pair = [[200, 60, 0], [110, 100, 0]]
    assert smallest_distance(seen(pair, 'normal')) > 45
    assert smallest_distance(seen(pair, 'deuteranopia')) < 21


@pytest.mark.parametrize('count', [2, 20, 21, 80, 255])
def test_no_class_is_black_and_no_two_are_alike(count):
    """With many classes, too; their first colors are always the same."""
    palette = class_palette(count)
    assert len(palette) == count and palette[:20] == class_palette(20)[:count]
    assert smallest_distance(palette) > 7
    lightness = lab(palette)[:, 0]
    assert lightness.min() > 20 and lightness.max() < 96


def test_colors_of_colored_masks_stay(tmp_path):
    """Also black, if that is what the masks have."""
    file = tmp_path / 'classes.txt'
    file.write_text('ground: 0 0 0\nroof: #ff8000')
    assert read_classes(file).palette == [[0, 0, 0], [255, 128, 0]]
    file.write_text('ground\nroof')
    assert read_classes(file).palette == class_palette(2)


def test_overlay_and_legend_have_the_colors_of_the_masks():
    """Every class of the palette is found in both parts of the picture."""
    palette = class_palette(4)
    mask = np.repeat(np.arange(4, dtype=np.uint8), 100)[None].repeat(400, 0)
    gray = np.full((400, 400, 3), 128, np.uint8)
    page = draw_segmentation(gray, mask, 'abcd', palette, opacity=1.0)
    picture, legend = page[:400], page[400:]
    for part in (picture, legend):
        found = {tuple(color) for color in part.reshape(-1, 3).tolist()}
        assert {tuple(color) for color in palette} <= found
