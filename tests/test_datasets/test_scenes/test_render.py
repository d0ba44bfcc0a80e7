"""Rendered scenes: the same pixels on every machine."""

import hashlib

import numpy as np
import pytest

from mmsemi.datasets.scenes.render import render_scene


@pytest.mark.parametrize(
    'key, size, digest',
    [
        ((0, 0, 0), (128, 96), '3703153e35e9f7eb'),
        ((0, 0, 7), (128, 96), '62bbc887159d41a3'),
        ((0, 1, 2), (128, 96), 'e26bcfbb70389320'),
        ((5, 0, 1), (131, 100), '461b9f699b6c5c80'),
    ],
)
def test_same_pixels_everywhere(key, size, digest):
    image, mask = render_scene(key, size[::-1])
    assert image.shape == (size[1], size[0], 3) and image.dtype == np.uint8
    assert mask.shape == (size[1], size[0]) and mask.dtype == np.uint8
    found = hashlib.sha256(image.tobytes() + mask.tobytes()).hexdigest()
    assert found[:16] == digest


def test_scenes_differ():
    images = [
        render_scene(key, (36, 48))[0]
        for key in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))
    ]
    for i, image in enumerate(images):
        assert image.std() > 5
        assert not any(np.array_equal(image, other) for other in images[:i])
