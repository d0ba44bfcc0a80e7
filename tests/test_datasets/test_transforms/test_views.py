"""Strong views and CutMix boxes."""

import numpy as np
import pytest

from mmsemi.datasets.transforms import CutMixBoxes, StrongViews


@pytest.fixture
def img():
    return np.random.RandomState(0).randint(0, 256, (24, 32, 3), np.uint8)


def test_views_are_independent_and_the_weak_one_is_kept(img):
    np.random.seed(0)
    results = StrongViews(num_views=2)(dict(img=img.copy()))
    np.testing.assert_array_equal(results['img'], img)
    one, two = results['strong']
    assert not np.array_equal(one, img)
    assert not np.array_equal(one, two)
    assert one.shape == two.shape == img.shape


def test_one_view(img):
    results = StrongViews(num_views=1)(dict(img=img))
    assert set(results) == {'img', 'strong'} and len(results['strong']) == 1


def test_views_are_aligned_with_a_flipped_weak_view(img):
    flipped = img[:, ::-1]
    blur = StrongViews(1, [dict(type='RandomBlur', prob=1.0)])
    np.random.seed(0)
    strong = blur(dict(img=flipped))['strong'][0]
    np.random.seed(0)
    mirrored = blur(dict(img=img))['strong'][0][:, ::-1]
    assert np.abs(strong.astype(int) - mirrored).max() <= 1


def test_strong_views_have_the_published_strength():
    """With p = 0.8 jitter, 0.2 gray and 0.5 blur, 8% of views are unchanged."""
    img = np.random.RandomState(0).randint(0, 256, (8, 8, 3), np.uint8)
    transform = StrongViews(num_views=1)
    np.random.seed(0)
    views = [transform(dict(img=img))['strong'][0] for _ in range(2000)]
    untouched = np.mean([np.array_equal(view, img) for view in views])
    gray = np.mean([np.all(view == view[..., :1]) for view in views])
    assert abs(untouched - 0.08) < 0.025
    assert abs(gray - 0.2) < 0.04


def test_what_the_device_cannot_make_is_refused(img):
    gray, blur = dict(type='RandomGray'), dict(type='RandomBlur')
    jitter = dict(type='RandomColorJitter')
    for transforms in (
        [jitter, blur],
        [gray, jitter, blur],
        [dict(type='RandomChannelJitter'), gray, blur],
    ):
        with pytest.raises(ValueError, match='views_on_device=False'):
            StrongViews(2, transforms, on_device=True)
    with pytest.raises(ValueError, match='5 channels'):
        StrongViews(2, on_device=True)(dict(img=np.zeros((8, 8, 5), np.uint8)))


S = 321


@pytest.fixture(scope='module')
def boxes():
    transform = CutMixBoxes(num_views=2)
    results = dict(img=np.zeros((S, S, 3), np.uint8))
    np.random.seed(0)
    drawn = [transform(dict(results)) for _ in range(3000)]
    return np.array([r['boxes'] for r in drawn])


def test_boxes_are_integers_inside_the_crop(boxes):
    assert boxes.dtype == np.int64
    assert boxes.min() >= 0 and boxes.max() <= S
    assert np.all(boxes[..., 2:] >= boxes[..., :2])


def test_half_of_the_boxes_are_empty_independently(boxes):
    empty = np.all(boxes == 0, axis=-1)
    assert np.abs(empty.mean(axis=0) - 0.5).max() < 0.04
    assert abs(np.mean(empty[:, 0] & empty[:, 1]) - 0.25) < 0.04


def test_boxes_follow_their_definition(boxes):
    """Compare the marginals of the boxes with the definition by brute force."""
    boxes = boxes.reshape(-1, 4)
    boxes = boxes[np.any(boxes != 0, axis=-1)]
    w, h = (boxes[:, 2:] - boxes[:, :2]).T
    area = w * h / S**2
    assert 0.018 < area.min() and area.max() <= 0.4
    # The area is drawn once, not redrawn with the corner: it stays uniform.
    quartiles = np.quantile(area, [0.25, 0.5, 0.75])
    uniform = 0.02 + 0.38 * np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(quartiles, uniform, atol=0.02)
    ratio = h / w
    assert 0.28 < ratio.min() and ratio.max() < 3.6

    random = np.random.RandomState(1)
    areas = random.uniform(0.02, 0.4, 100000)
    ratios = random.uniform(0.3, 1 / 0.3, 100000)
    ws, hs = np.sqrt(areas / ratios), np.sqrt(areas * ratios)
    fit = np.clip(1 - ws, 0, 1) * np.clip(1 - hs, 0, 1)
    # P(ratio | area) is proportional to the chance that the corner fits.
    per_area = [
        (areas > low) & (areas <= low + 0.095) for low in 0.02 + 0.095 * np.arange(4)
    ]
    expected = np.mean([np.average(ratios[s], weights=fit[s]) for s in per_area])
    assert abs(ratio.mean() - expected) < 0.06
    # A box is as likely on the left as on the right, at the top as below.
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2 / S
    np.testing.assert_allclose(centers.mean(axis=0), 0.5, atol=0.02)


def test_boxes_of_an_oblong_crop():
    transform = CutMixBoxes(num_views=1, prob=1.0)
    np.random.seed(0)
    boxes = np.array(
        [transform(dict(img=np.zeros((20, 60, 3))))['boxes'][0] for _ in range(500)]
    )
    assert 20 < boxes[:, 2].max() <= 60 and boxes[:, 3].max() <= 20


def test_wrong_bounds_are_refused():
    with pytest.raises(ValueError, match=r'area.*\(0.5, 1.5\)'):
        CutMixBoxes(area=(0.5, 1.5))
    with pytest.raises(ValueError, match=r'ratio.*\(2, 3\)'):
        CutMixBoxes(ratio=(2, 3))
