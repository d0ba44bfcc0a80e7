"""Photometric changes equal PIL's with the same random draws."""

import warnings

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from mmsemi.datasets.transforms import RandomBlur, RandomColorJitter, RandomGray
from mmsemi.datasets.transforms.photometric import ADJUST
from mmsemi.structures import ADJUSTMENTS


@pytest.fixture(scope='module')
def img():
    """A colourful image with soft and hard edges."""
    random = np.random.RandomState(0)
    coarse = random.randint(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((64, 48), 2)).copy()


def pil_adjust(image, name, factor):
    if name != 'hue':
        kind = dict(
            brightness=ImageEnhance.Brightness,
            contrast=ImageEnhance.Contrast,
            saturation=ImageEnhance.Color,
        )[name]
        return kind(image).enhance(factor)
    h, s, v = image.convert('HSV').split()
    turned = (np.asarray(h).astype(int) + int(factor * 255)) % 256
    h = Image.fromarray(turned.astype(np.uint8))
    return Image.merge('HSV', (h, s, v)).convert('RGB')


def as_pil(img):
    return Image.fromarray(np.ascontiguousarray(img[..., ::-1]))


def as_bgr(image):
    return np.asarray(image)[..., ::-1]


def after_seed(transform, img, seed):
    np.random.seed(seed)
    return transform(dict(img=img))['img']


def test_jitter_equals_pil(img):
    transform = RandomColorJitter(prob=1.0, backend='pillow')
    for seed in range(20):
        np.random.seed(seed)
        np.random.rand()  # whether to jitter at all
        image = as_pil(img)
        for name, factor in transform.draw():
            image = pil_adjust(image, name, factor)
        np.testing.assert_array_equal(after_seed(transform, img, seed), as_bgr(image))


@pytest.mark.parametrize('name', ADJUSTMENTS)
def test_one_strength_changes_one_thing(img, name):
    strengths = dict.fromkeys(ADJUSTMENTS, 0.0)
    strengths[name] = 0.3
    transform = RandomColorJitter(prob=1.0, backend='pillow', **strengths)
    np.random.seed(1)
    np.random.rand()
    ((drawn, factor),) = transform.draw()
    assert drawn == name
    np.testing.assert_array_equal(
        after_seed(transform, img, 1), as_bgr(pil_adjust(as_pil(img), name, factor))
    )


def test_jitter_draws():
    transform = RandomColorJitter(brightness=1.5)
    np.random.seed(0)
    draws = [transform.draw() for _ in range(4000)]
    for name, low, high in zip(
        ADJUSTMENTS, (0, 0.5, 0.5, -0.25), (2.5, 1.5, 1.5, 0.25), strict=True
    ):
        factors = np.array([dict(draw)[name] for draw in draws])
        assert low <= factors.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < factors.max() <= high
        assert abs(factors.mean() - (low + high) / 2) < 0.02 * (high - low)
    orders, counts = np.unique(
        [[name for name, _ in draw] for draw in draws], axis=0, return_counts=True
    )
    assert len(orders) == 24
    assert np.abs(counts - 4000 / 24).max() < 5 * (4000 / 24) ** 0.5


@pytest.mark.parametrize(
    'transform, prob',
    [(RandomColorJitter(), 0.8), (RandomGray(), 0.2), (RandomBlur(), 0.5)],
)
def test_probability(transform, prob):
    img = np.random.RandomState(0).randint(0, 256, (6, 6, 3), np.uint8)
    np.random.seed(0)
    changed = [transform(dict(img=img))['img'] is not img for _ in range(2000)]
    assert abs(np.mean(changed) - prob) < 0.05


def test_gray_equals_pil(img):
    gray = np.asarray(as_pil(img).convert('L'))
    np.testing.assert_array_equal(
        after_seed(RandomGray(prob=1.0), img, 0), np.dstack([gray] * 3)
    )


def test_blur_equals_pil(img):
    for seed in range(5):
        np.random.seed(seed)
        np.random.rand()
        sigma = np.random.uniform(0.1, 2.0)
        blurred = as_pil(img).filter(ImageFilter.GaussianBlur(radius=sigma))
        np.testing.assert_array_equal(
            after_seed(RandomBlur(prob=1.0, backend='pillow'), img, seed),
            as_bgr(blurred),
        )


@pytest.mark.parametrize(
    'kind, mean, most', [(RandomColorJitter, 2, 12), (RandomBlur, 0.5, 3)]
)
def test_backends_agree(img, kind, mean, most):
    for seed in range(20):
        pillow, cv2 = (
            after_seed(kind(prob=1.0, backend=backend), img, seed).astype(int)
            for backend in ('pillow', 'cv2')
        )
        difference = np.abs(pillow - cv2)
        assert difference.mean() < mean
        assert np.quantile(difference, 0.99) <= most


def test_whole_views_agree(img):
    """With the probabilities of training, on very colourful images."""
    differences = []
    for seed in range(60):
        views = []
        for backend in ('pillow', 'cv2'):
            np.random.seed(seed)
            results = dict(img=img)
            for transform in (
                RandomColorJitter(backend=backend),
                RandomGray(),
                RandomBlur(backend=backend),
            ):
                results = transform(results)
            views.append(results['img'].astype(int))
        differences.append(np.abs(views[0] - views[1]))
    assert 0 < np.mean(differences) < 1
    assert np.mean(np.array(differences) <= 1) > 0.85
    assert np.max(differences) <= 40


@pytest.mark.parametrize('name, most', zip(ADJUSTMENTS, (0, 2, 1, 12), strict=True))
def test_backends_agree_on_each_adjustment(img, name, most):
    low, high = (-0.25, 0.25) if name == 'hue' else (0.5, 1.5)
    for factor in np.linspace(low, high, 9):
        by_cv2 = ADJUST['cv2'][name](img, factor).astype(int)
        by_pil = as_bgr(pil_adjust(as_pil(img), name, factor))
        assert np.abs(by_cv2 - by_pil).max() <= most


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
def test_input_is_kept_and_nothing_warns(img, backend):
    before = img.copy()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for transform in (
            RandomColorJitter(1.0, backend=backend),
            RandomGray(1.0),
            RandomBlur(1.0, backend=backend),
        ):
            changed = after_seed(transform, img, 0)
            assert changed.dtype == np.uint8 and changed.shape == img.shape
    np.testing.assert_array_equal(img, before)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="'hue': 0.6"):
        RandomColorJitter(hue=0.6)
    with pytest.raises(ValueError, match="'contrast': -1"):
        RandomColorJitter(contrast=-1)
    with pytest.raises(ValueError, match=r'sigma.*\(2, 1\)'):
        RandomBlur(sigma=(2, 1))
    with pytest.raises(ValueError, match="backend.*'torch'"):
        RandomBlur(backend='torch')
