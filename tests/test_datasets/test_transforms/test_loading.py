"""Loading: what each file becomes, and the error for each bad file."""

import cv2
import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs
from PIL import Image

from mmsemi.datasets.transforms import LoadSegImage, LoadSegMask, MarkValid
from mmsemi.utils.images import image_size

H, W = 12, 20


@pytest.fixture
def rgb():
    return np.random.RandomState(0).randint(0, 256, (H, W, 3), np.uint8)


def load_image(path):
    return LoadSegImage()(dict(img_path=str(path)))


def load_mask(path, **results):
    common = dict(img_path='image.jpg', seg_map_path=str(path), ori_shape=(H, W))
    return LoadSegMask()({**common, **results})


def save_mask(path, mask):
    Image.fromarray(mask).save(path)
    return path


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'L', 'LA', 'P', '1'])
def test_any_image_becomes_bgr(tmp_path, rgb, mode):
    path = tmp_path / 'a.png'
    Image.fromarray(rgb).convert(mode).save(path)
    results = load_image(path)
    expected = np.asarray(Image.open(path).convert('RGB'))[..., ::-1]
    assert results['img'].dtype == np.uint8
    np.testing.assert_array_equal(results['img'], expected)
    assert results['img_shape'] == results['ori_shape'] == (H, W)


def test_jpeg_is_decoded_as_pil_does(tmp_path):
    smooth = np.add.outer(np.arange(90), np.arange(122)).astype(np.uint8)
    image = Image.fromarray(np.dstack([smooth, 255 - smooth, smooth // 2]))
    image.save(tmp_path / 'a.jpg')
    expected = np.asarray(Image.open(tmp_path / 'a.jpg'))[..., ::-1]
    loaded = load_image(tmp_path / 'a.jpg')['img'].astype(int)
    assert np.abs(loaded - expected).max() <= 1


def test_exif_orientation_is_not_applied(tmp_path, rgb):
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees"
    Image.fromarray(rgb).save(tmp_path / 'a.jpg', exif=exif)
    assert load_image(tmp_path / 'a.jpg')['ori_shape'] == (H, W)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='no image .*gone.jpg.*list'):
        load_image(tmp_path / 'gone.jpg')
    with pytest.raises(FileNotFoundError, match='no mask .*gone.png.*list'):
        load_mask(tmp_path / 'gone.png')


@pytest.mark.parametrize('kind', ['empty', 'junk', 'truncated'])
def test_undecodable_files_are_named(tmp_path, rgb, kind):
    Image.fromarray(rgb).save(tmp_path / 'good.png')
    good = (tmp_path / 'good.png').read_bytes()
    path = tmp_path / 'bad.png'
    path.write_bytes(dict(empty=b'', junk=b'junk' * 9, truncated=good[:-50])[kind])
    size = path.stat().st_size
    for load in (load_image, load_mask):
        with pytest.raises(ValueError, match=rf'bad.png \({size} bytes\)'):
            load(path)


def mask_of(*values):
    return np.resize(np.array(values), (H, W))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_masks_of_any_depth(tmp_path, dtype):
    mask = mask_of(0, 1, 254, 255).astype(dtype)
    results = load_mask(save_mask(tmp_path / 'm.png', mask), num_classes=255)
    assert results['gt_seg_map'].dtype == np.uint8
    np.testing.assert_array_equal(results['gt_seg_map'], mask)
    assert results['seg_fields'] == ['gt_seg_map']


def test_paletted_masks_give_their_indices(tmp_path):
    mask = mask_of(0, 7, 255).astype(np.uint8)
    image = Image.fromarray(mask, 'P')
    image.putpalette(np.random.RandomState(0).bytes(768))
    image.save(tmp_path / 'm.png')
    assert Image.open(tmp_path / 'm.png').mode == 'P'
    results = load_mask(tmp_path / 'm.png', num_classes=8)
    np.testing.assert_array_equal(results['gt_seg_map'], mask)


@pytest.mark.parametrize(
    'extra',
    [
        dict(reduce_zero_label=True),
        dict(reduce_zero_label=False, label_map={0: 255, 3: 1}),
    ],
)
def test_relabels_as_mmseg(tmp_path, extra):
    path = save_mask(tmp_path / 'm.png', mask_of(0, 1, 3, 5, 255).astype('u1'))
    expected = LoadAnnotations()(dict(seg_map_path=str(path), seg_fields=[], **extra))
    np.testing.assert_array_equal(
        load_mask(path, num_classes=6, **extra)['gt_seg_map'], expected['gt_seg_map']
    )


@pytest.mark.parametrize(
    'values, extra, told',
    [
        ((0, 21, 255), dict(num_classes=21), '21, outside 0..20 and 255'),
        (
            (0, 151),
            dict(num_classes=150, reduce_zero_label=True),
            '150, outside 0..149 .* after reduce_zero_label',
        ),
        ((0, 256, 65535), dict(num_classes=21), '256, 65535, outside'),
        ((0, 256), dict(), '256, outside 0..254 and 255'),
    ],
)
def test_wrong_values_are_named(tmp_path, values, extra, told):
    path = save_mask(tmp_path / 'm.png', mask_of(*values).astype(np.uint16))
    with pytest.raises(ValueError, match=f'm.png holds {told}.*Correct'):
        load_mask(path, **extra)


def test_values_are_not_checked_without_classes(tmp_path):
    path = save_mask(tmp_path / 'm.png', mask_of(0, 200).astype(np.uint8))
    assert load_mask(path, num_classes=None)['gt_seg_map'].max() == 200


def test_colour_masks_are_refused(tmp_path, rgb):
    path = save_mask(tmp_path / 'm.png', rgb)
    with pytest.raises(ValueError, match='m.png has 3 channels.*indices'):
        load_mask(path)


def test_another_size_is_refused(tmp_path):
    path = save_mask(tmp_path / 'm.png', np.zeros((W, H), np.uint8))
    with pytest.raises(
        ValueError, match=f'm.png is {H}x{W}, .* image.jpg is {W}x{H}.*EXIF'
    ):
        load_mask(path)


def test_mark_valid_follows_the_image():
    results = MarkValid()(dict(img=np.zeros((H, W, 3), np.uint8)))
    assert results['seg_fields'] == ['valid']
    np.testing.assert_array_equal(results['valid'], np.ones((H, W)))


def test_mmseg_packs_what_was_loaded(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / 'a.png')
    mask = mask_of(0, 1, 255).astype(np.uint8)
    results = load_image(tmp_path / 'a.png')
    results['seg_map_path'] = str(save_mask(tmp_path / 'm.png', mask))
    packed = PackSegInputs()(LoadSegMask()(results))
    assert packed['inputs'].shape == (3, H, W)
    sample = packed['data_samples']
    assert sample.ori_shape == (H, W)
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0], mask)


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


def load_mapped(path, value_map):
    results = dict(
        img_path='image.jpg', seg_map_path=str(path), ori_shape=(H, W), num_classes=3
    )
    return LoadSegMask(value_map=value_map)(results)['gt_seg_map']


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_numbers_are_mapped(tmp_path, mode):
    """Also in gray masks that were saved as RGB."""
    mask = np.resize(np.array([0, 255, 70, 71], np.uint8), (H, W))
    Image.fromarray(mask).convert(mode).save(tmp_path / 'a.png')
    value_map = [(0, 0), (255, 1), (70, 2), (71, 255)]
    loaded = load_mapped(tmp_path / 'a.png', value_map)
    assert loaded[0, :4].tolist() == [0, 1, 2, 255]
    with pytest.raises(ValueError, match=r'a.png holds 71 \(60 pixels\)'):
        load_mapped(tmp_path / 'a.png', value_map[:-1])


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
    loaded = load_mapped(tmp_path / 'a.png', list(zip(colours, (0, 1, 2), strict=True)))
    np.testing.assert_array_equal(loaded, np.resize([0, 1, 2], (H, W)))
    with pytest.raises(ValueError, match=r'holds #01c803 \(80 pixels\)'):
        load_mapped(tmp_path / 'a.png', list(zip(colours[:2], (0, 1), strict=True)))


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
