"""Compare views made on the device with PIL's from the same draws."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

from mmsemi.datasets.transforms import StrongViews
from mmsemi.models.utils import strong_view
from mmsemi.structures import ADJUSTMENTS

NOTHING = dict(brightness=0, contrast=0, saturation=0, hue=0)


def transforms(jitter=0.0, gray=0.0, blur=0.0, **strengths):
    return [
        dict(type='RandomColorJitter', prob=jitter, backend='pillow', **strengths),
        dict(type='RandomGray', prob=gray),
        dict(type='RandomBlur', prob=blur, backend='pillow'),
    ]


@pytest.fixture(scope='module')
def images():
    """Colourful images with soft and hard edges, black, white and gray parts."""
    random = np.random.RandomState(0)
    images = []
    for _ in range(24):
        coarse = random.randint(0, 256, (6, 8, 3), np.uint8)
        coarse[0, :3] = [[0] * 3, [255] * 3, [130] * 3]
        large = Image.fromarray(coarse).resize((56, 41), random.randint(3))
        images.append(np.array(large))
    return images


def both(images, how):
    """Make views (B, 3, H, W) as workers and as the device, from the same draws."""
    views, draws = [], []
    for i, img in enumerate(images):
        for on_device, found in ((False, views), (True, draws)):
            np.random.seed(i)
            made = StrongViews(1, how, on_device)(dict(img=img))
            found.append(made['draws' if on_device else 'strong'][0])
            assert np.array_equal(made['img'], img)
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    device = strong_view(batch, default_collate(draws))
    host = torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float()
    assert device.dtype == torch.float32 and device.shape == host.shape
    return host, device


@pytest.mark.parametrize(
    'how',
    [
        *(transforms(jitter=1.0, **{**NOTHING, name: 0.5}) for name in ADJUSTMENTS),
        transforms(gray=1.0),
        transforms(blur=1.0),
        transforms(jitter=1.0, gray=0.2, blur=0.5),
        transforms(jitter=0.8, gray=0.2, blur=0.5, brightness=1.5, contrast=2.0),
    ],
)
def test_equals_pil(images, how):
    host, device = both(images, how)
    assert not torch.equal(host, host[:1].expand_as(host))
    difference = (host - device).abs()
    assert (difference == 0).float().mean() > 0.9999
    assert difference.max() <= 2


def test_views_without_changes(images):
    host, device = both(images, transforms())
    assert torch.equal(device, host)
    assert np.array_equal(device[3].permute(1, 2, 0).numpy(), images[3])


def test_each_image_has_its_own_order(images):
    """The same four factors, in the order of the draws and in another."""
    batch = torch.from_numpy(np.stack(images[:2])).permute(0, 3, 1, 2)
    draws = dict(
        adjust=torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]]),
        factor=torch.tensor([[1.4, 0.6, 1.3, 0.2], [0.2, 1.3, 0.6, 1.4]]),
        gray=torch.tensor([False, True]),
        kernel=torch.tensor([[0.0, 1, 0], [0.2, 0.6, 0.2]]),
    )
    together = strong_view(batch, draws)
    for i in range(2):
        alone = strong_view(
            batch[i : i + 1], {k: v[i : i + 1] for k, v in draws.items()}
        )
        assert torch.equal(together[i], alone[0])
    other = dict(draws, adjust=draws['adjust'].flip(1), factor=draws['factor'].flip(1))
    assert (strong_view(batch, other) - together)[0].abs().mean() > 1
