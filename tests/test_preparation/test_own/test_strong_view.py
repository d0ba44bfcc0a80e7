"""What strong views may change follows from images and masks."""

import cv2
import numpy as np
import pytest

from mmsemi.preparation.own.classes import ClassTable
from mmsemi.preparation.own.folders import scan_image, scan_mask
from mmsemi.preparation.own.strong_view import propose

TABLE = ClassTable(('ground', 'grain', 'crack'), ((0,), (1,), (2,)), (), False)


@pytest.fixture
def scans(tmp_path):
    """Write images and masks; return their scans."""

    def make(levels, noise=4, color=False, dtype=np.uint8):
        rng = np.random.default_rng(0)
        found = []
        for i in range(4):
            mask = np.zeros((80, 80), np.uint8)
            mask[10:50, 10 + i : 50] = 1
            mask[:, 60:62] = 2
            image = np.array(levels)[mask] + rng.normal(0, noise, mask.shape)
            image = image.clip(0, 255 if dtype == np.uint8 else 65535).astype(dtype)
            if color:
                image = np.dstack([image, image // 2, 255 - image])
            files = tmp_path / f'{i}.png', tmp_path / f'{i}_mask.png'
            cv2.imwrite(str(files[0]), image)
            cv2.imwrite(str(files[1]), mask)
            found.append((scan_image(files[0]), scan_mask(files[1], colored=False)))
        return found

    return make


def proposed(scans, value_range=None):
    return propose([image for image, _ in scans], scans, TABLE, value_range)


def test_gray_value_tells_the_class(scans):
    """Nearer levels allow less; a class of two pixels' width allows no blur."""
    far = proposed(scans((40, 120, 220)))
    near = proposed(scans((100, 120, 140)))
    for proposal in (far, near):
        settings = proposal.settings
        assert (settings['saturation'], settings['hue'], settings['gray']) == (0, 0, 0)
        assert settings['blur'] == 0 and 'crack' in proposal.reasons[-1]
    assert near.settings['brightness'] < far.settings['brightness'] <= 0.5
    assert any('tells its class' in reason for reason in near.reasons)


def test_gray_value_says_nothing(scans):
    """Textures of one level: only colors that are not there are left out."""
    gray = proposed(scans((120, 120, 120), noise=30))
    assert gray.settings == dict(saturation=0, hue=0, gray=0)
    color = proposed(scans((120, 120, 120), noise=30, color=True))
    assert color.settings == {} and color.reasons == ()


def test_measured_values_change_less(scans):
    deep = proposed(scans((9000, 9000, 9000), 2000, dtype=np.uint16), [0, 20000])
    assert deep.settings['brightness'] == deep.settings['contrast'] == 0.25
    told = proposed(scans((8000, 9000, 10000), 200, dtype=np.uint16), [0, 20000])
    assert told.settings['brightness'] < 0.25
