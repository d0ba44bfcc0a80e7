"""Images of any depth and number of channels, masks of any code."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mmsemi.datasets.transforms import (
    LoadSegImage,
    LoadSegMask,
    RandomBlur,
    RandomChannelJitter,
    RandomColorJitter,
    RandomGray,
    RandomScaleCrop,
)
from mmsemi.datasets.transforms.geometry import resize_window
from mmsemi.utils.images import image_size

H, W = 12, 20


def load_mask(path, value_map):
    results = dict(
        img_path='image.jpg', seg_map_path=str(path), ori_shape=(H, W), num_classes=3
    )
    return LoadSegMask(value_map=value_map)(results)['gt_seg_map']


def test_value_range_stretches_16_bits(tmp_path):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, np.resize(np.array([100, 600, 1100, 9999], np.uint16), (H, W)))
    img = LoadSegImage(value_range=(100, 1100))(dict(img_path=path))['img']
    assert img.shape == (H, W, 3) and img.dtype == np.uint8
    assert img[0, :4, 0].tolist() == [0, 128, 255, 255]


@pytest.mark.parametrize('channels', [1, 2, 4, 6])
@pytest.mark.parametrize('planes', ['contig', 'separate'])
def test_tiff_of_any_channels(tmp_path, channels, planes):
    tifffile = pytest.importorskip('tifffile')
    pixels = np.random.default_rng(0).integers(0, 256, (H, W, channels), np.uint8)
    path = str(tmp_path / 'a.tif')
    tifffile.imwrite(
        path,
        pixels if planes == 'contig' else pixels.transpose(2, 0, 1).copy(),
        photometric='minisblack',
        planarconfig=planes if channels > 1 else None,
    )
    img = LoadSegImage(channels=channels)(dict(img_path=path))['img']
    np.testing.assert_array_equal(img, pixels)
    assert image_size(path) == (H, W)
    with pytest.raises(ValueError, match=rf'it has {channels} channels, but'):
        LoadSegImage(channels=5)(dict(img_path=path))


def test_floats_need_a_range(tmp_path):
    tifffile = pytest.importorskip('tifffile')
    path = str(tmp_path / 'a.tif')
    pixels = np.linspace(0, 1, H * W, dtype=np.float32).reshape(H, W)
    pixels[0, 0] = np.nan
    tifffile.imwrite(path, pixels)
    with pytest.raises(ValueError, match='a.tif cannot be used.*value_range'):
        LoadSegImage(channels=1)(dict(img_path=path))
    img = LoadSegImage(channels=1, value_range=(0, 1))(dict(img_path=path))['img']
    assert img[0, 0] == 0 and img[-1, -1] == 255


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_numbers_are_mapped(tmp_path, mode):
    """Of gray masks that were saved as RGB, too."""
    mask = np.resize(np.array([0, 255, 70, 71], np.uint8), (H, W))
    Image.fromarray(mask).convert(mode).save(tmp_path / 'a.png')
    value_map = [(0, 0), (255, 1), (70, 2), (71, 255)]
    loaded = load_mask(tmp_path / 'a.png', value_map)
    assert loaded[0, :4].tolist() == [0, 1, 2, 255]
    with pytest.raises(ValueError, match=r'a.png holds 71 \(60 pixels\)'):
        load_mask(tmp_path / 'a.png', value_map[:-1])


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_colours_are_mapped(tmp_path, mode):
    colours = [(1, 2, 3), (200, 2, 3), (1, 200, 3)]
    mask = np.resize(np.array(colours, np.uint8), (H, W, 3))
    image = Image.fromarray(mask)
    image = image.quantize(8) if mode == 'P' else image.convert(mode)
    image.save(tmp_path / 'a.png')
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / 'a.png').convert('RGB')), mask
    )
    loaded = load_mask(tmp_path / 'a.png', list(zip(colours, (0, 1, 2))))
    np.testing.assert_array_equal(loaded, np.resize([0, 1, 2], (H, W)))
    with pytest.raises(ValueError, match=r'holds #01c803 \(80 pixels\)'):
        load_mask(tmp_path / 'a.png', list(zip(colours[:2], (0, 1))))


@pytest.mark.parametrize(
    'pairs, said',
    [
        ([(0, 0), ((1, 2, 3), 1)], 'mixes numbers and colours'),
        ([(7, 0), (7, 1)], '7 stands for two'),
    ],
)
def test_maps_that_make_no_sense(pairs, said):
    with pytest.raises(ValueError, match=said):
        LoadSegMask(value_map=pairs)


@pytest.mark.parametrize('channels', [1, 2, 4, 6])
def test_geometry_treats_every_channel_alike(channels):
    """The fourth one, too: PIL would take it for transparency."""
    img = np.random.default_rng(0).integers(0, 256, (H, W, channels), np.uint8)
    for size in ((10, 6), (40, 24)):
        window = (3, 2, 12, 9)
        whole = resize_window(img, size, window)
        for c in range(channels):
            np.testing.assert_array_equal(
                whole[..., c],
                resize_window(np.dstack([img[..., c]] * 3), size, window)[..., 0],
            )
    crop = RandomScaleCrop(16)(dict(img=img))['img']
    assert crop.shape == (16, 16, channels)


def test_channels_are_jittered_on_their_own():
    img = np.random.default_rng(0).integers(0, 256, (H, W, 5), np.uint8)
    np.random.seed(0)
    same = RandomChannelJitter(prob=1, brightness=0, contrast=0)
    np.testing.assert_array_equal(same(dict(img=img))['img'], img)
    out = RandomChannelJitter(prob=1)(dict(img=img))['img']
    assert out.shape == img.shape and out.dtype == np.uint8
    change = np.abs(out.astype(int) - img).mean((0, 1))
    assert len(np.unique(change)) == 5 and change.min() > 0
    assert RandomBlur(prob=1)(dict(img=img))['img'].shape == img.shape
    with pytest.raises(ValueError, match='none may be negative'):
        RandomChannelJitter(contrast=-1)


@pytest.mark.parametrize('transform', [RandomColorJitter, RandomGray])
def test_colours_of_five_channels_are_refused(transform):
    with pytest.raises(ValueError, match='5 channels has no colours'):
        transform(prob=1)(dict(img=np.zeros((H, W, 5), np.uint8)))
