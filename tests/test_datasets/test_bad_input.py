"""Every kind of unusual or bad file and list: the table in docs/reliability.md.

Each is used as in training: checked before the run, then loaded.
"""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmsemi.datasets import SemiIndex, SemiSegDataset
from mmsemi.engine.runner.checks import check_train_set

H, W, CROP = 24, 40, 33
LOAD = [dict(type='LoadSegImage'), dict(type='LoadSegMask')]
CUT = [
    dict(type='RandomScaleCrop', crop_size=(CROP, CROP), ratio_range=(0.5, 2)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackLabeled'),
]
NAMES = 'images/a.png masks/a.png\n'
PIXELS = np.kron(
    np.random.RandomState(0).randint(0, 256, (H // 8, W // 8, 3)), np.ones((8, 8, 1))
).astype(np.uint8)
MASK = (PIXELS[..., 0] % 4).astype(np.uint8)
RGB, GRAY = Image.fromarray(PIXELS), Image.fromarray(PIXELS[..., 0])


def encode(pixels, form='PNG', **kwargs) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    content = io.BytesIO()
    image.save(content, form, **kwargs)
    return content.getvalue()


def exif(turned: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turned
    return exif


def vast_png(side: int) -> bytes:
    """Make a PNG whose header gives a large size, with little content."""

    def chunk(kind, data):
        return (
            struct.pack('>I', len(data))
            + kind
            + data
            + struct.pack('>I', zlib.crc32(kind + data))
        )

    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(bytes(99)))
        + chunk(b'IEND', b'')
    )


def write(root, image=None, mask=None, text=NAMES, names=()):
    """Write a data root with one image, its mask and their list."""
    files = {
        'images/a.png': encode(RGB) if image is None else image,
        'masks/a.png': encode(MASK) if mask is None else mask,
        'list.txt': text if isinstance(text, bytes) else text.encode(),
    }
    files.update(
        (name, files[f'{kind}/a.png'])
        for name, kind in zip(names, ('images', 'masks'), strict=False)
    )
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def use(root, pipeline=LOAD, **kwargs):
    """Check and load a data set; return it and its first sample."""
    dataset = SemiSegDataset(
        str(root),
        'list.txt',
        metainfo=dict(classes=tuple('abcd')),
        labeled_pipeline=pipeline,
        **kwargs,
    )
    check_train_set(dataset)
    (sample,) = dataset[SemiIndex((0,), (), (), seed=0)]['labeled']
    return dataset, sample


def bgr(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert('RGB'))[..., ::-1]


DEEP = (PIXELS[..., 0].astype(np.uint16) << 8) + 7
UNDECODABLE = r'a\.png.* \(\d+ bytes\) cannot be decoded'
UNREADABLE = r'a\.png.* cannot be read'
ACCEPTED_IMAGES = dict(
    png_called_jpg=(encode(RGB), bgr(RGB)),
    cmyk=(encode(RGB.convert('CMYK'), 'JPEG', quality=100, subsampling=0), bgr(RGB)),
    gray=(encode(GRAY), bgr(GRAY)),
    gray_alpha=(encode(GRAY.convert('LA')), bgr(GRAY)),
    rgba=(encode(RGB.convert('RGBA')), bgr(RGB)),
    paletted=(encode(RGB.convert('P')), bgr(RGB.convert('P'))),
    deep_gray=(encode(DEEP), bgr(GRAY)),
    exif_turned=(
        encode(RGB, 'JPEG', quality=100, subsampling=0, exif=exif(6)),
        bgr(RGB),
    ),
)


@pytest.mark.parametrize('name', ACCEPTED_IMAGES)
def test_accepted_images(tmp_path, name):
    """They are read as PIL, which the released trainers use, reads them."""
    content, pixels = ACCEPTED_IMAGES[name]
    write(tmp_path, content)
    _, sample = use(tmp_path)
    assert sample['img'].dtype == np.uint8
    difference = np.abs(sample['img'].astype(int) - pixels)
    assert difference.max() <= (8 if content[:2] == b'\xff\xd8' else 0)
    np.testing.assert_array_equal(sample['gt_seg_map'], MASK)


@pytest.mark.parametrize('height, width', [(1, 1), (1, 90), (4000, 5000)])
def test_any_size_gives_a_crop(tmp_path, height, width):
    write(
        tmp_path,
        encode(np.full((height, width, 3), 9, np.uint8), 'BMP'),
        encode(np.ones((height, width), np.uint8)),
    )
    dataset, _ = use(tmp_path, LOAD + CUT)
    for seed in range(1 if height * width > 100 else 9):
        (sample,) = dataset[SemiIndex((0,), (), (), seed)]['labeled']
        assert sample['weak'].shape == (3, CROP, CROP)
        assert set(sample['mask'].unique().tolist()) in ({1}, {1, 255})


ACCEPTED_MASKS = dict(
    paletted=encode(Image.fromarray(MASK).convert('P')),
    deep=encode(MASK.astype(np.uint16)),
    whole_floats=encode(MASK.astype(np.float32), 'TIFF'),
    called_png=encode(MASK, 'BMP'),
)


@pytest.mark.parametrize('name', ACCEPTED_MASKS)
def test_accepted_masks(tmp_path, name):
    write(tmp_path, mask=ACCEPTED_MASKS[name])
    _, sample = use(tmp_path)
    assert sample['gt_seg_map'].dtype == np.uint8
    np.testing.assert_array_equal(sample['gt_seg_map'], MASK)


def test_a_mask_of_one_bit(tmp_path):
    write(tmp_path, mask=encode(Image.fromarray(MASK > 1)))
    _, sample = use(tmp_path)
    np.testing.assert_array_equal(sample['gt_seg_map'], MASK > 1)


REFUSED_FILES = dict(
    truncated_jpeg=(dict(image=encode(RGB, 'JPEG')[:-60]), UNDECODABLE),
    truncated_png=(dict(image=encode(RGB)[:-40]), UNDECODABLE),
    zero_bytes=(dict(image=b''), UNREADABLE),
    web_page=(dict(image=b'<!DOCTYPE html><html>404'), UNREADABLE),
    floats=(dict(image=encode(np.ones((H, W), np.float32), 'TIFF')), UNDECODABLE),
    vast_image=(dict(image=vast_png(40_000)), 'exceeds limit'),
    vast_mask=(dict(mask=vast_png(14_000)), 'exceeds limit'),
    stray_values=(
        dict(mask=encode(MASK * 2)),
        r'a\.png holds 4, 6, outside 0\.\.3 and 255',
    ),
    jpeg_mask=(
        dict(mask=encode(MASK * 60, 'JPEG', quality=30)),
        r'a\.png holds \d+, .*outside 0\.\.3',
    ),
    negative=(
        dict(mask=encode(MASK.astype(np.int32) - 1, 'TIFF')),
        r'a\.png holds -1, outside',
    ),
    fractions=(
        dict(mask=encode(MASK / np.float32(2), 'TIFF')),
        r'a\.png holds 0\.5, .*outside',
    ),
    colours=(dict(mask=encode(RGB)), r'a\.png has 3 channels'),
    mask_with_alpha=(dict(mask=encode(GRAY.convert('LA'))), r'a\.png has 2 channels'),
    other_size=(dict(mask=encode(MASK[1:])), '40x24 pixels and its mask'),
    mask_turned_as_exif_says=(
        dict(image=encode(RGB, 'JPEG', exif=exif(6)), mask=encode(MASK.T.copy())),
        '40x24 pixels and its mask',
    ),
    zero_bytes_mask=(dict(mask=b''), UNREADABLE),
    truncated_mask=(dict(mask=encode(MASK)[:-40]), UNDECODABLE),
)


@pytest.mark.parametrize('name', REFUSED_FILES)
def test_refused_files(tmp_path, name):
    files, told = REFUSED_FILES[name]
    write(tmp_path, **files)
    with pytest.raises(ValueError, match=told):
        use(tmp_path)


ACCEPTED_LISTS = dict(  # with the names of the image and the mask
    blank_lines=(f'\n\n  \n{NAMES}\n\t\n', ()),
    crlf=(NAMES.replace('\n', '\r\n') * 2, ()),
    byte_order_mark=('\ufeff' + NAMES, ()),
    duplicates=(NAMES * 3, ()),
    many_blanks=('  images/a.png    masks/a.png  ', ()),
    dots=('images/../images/./a.png x/../masks/a.png', ()),
    absolute=('{root}/images/a.png {root}/masks/a.png', ()),
    blanks_in_names=('i/a b.png\tm/c  d.png', ('i/a b.png', 'm/c  d.png')),
    foreign_letters=('i/ä 日本.png\tm/ñ.png', ('i/ä 日本.png', 'm/ñ.png')),
    wide_blanks=('日\u3000本.png ñ\xa0.png', ('日\u3000本.png', 'ñ\xa0.png')),
)


@pytest.mark.parametrize('name', ACCEPTED_LISTS)
def test_accepted_lists(tmp_path, name):
    text, names = ACCEPTED_LISTS[name]
    write(tmp_path, text=text.replace('{root}', str(tmp_path)), names=names)
    dataset, sample = use(tmp_path)
    assert len(dataset) == dict(duplicates=3, crlf=2).get(name, 1)
    np.testing.assert_array_equal(sample['img'], bgr(RGB))
    np.testing.assert_array_equal(sample['gt_seg_map'], MASK)


REFUSED_LISTS = dict(
    empty=(b'\n \r\n', 'list.txt is empty'),
    latin_1=(
        'images/ä.png masks/ä.png'.encode('latin-1'),
        r'list.txt is not UTF-8 text \(.*Save it as UTF-8',
    ),
    utf_16=(NAMES.encode('utf-16'), 'list.txt is not UTF-8 text'),
    zero_bytes=(NAMES.encode('utf-16-le'), 'list.txt is not UTF-8 text'),
    blanks_without_tab=(
        b'\nimages/a b.png masks/a b.png',
        'Line 2 of .*list.txt holds 4 names.*by a tab',
    ),
    no_mask=(b'images/a.png\n', 'names no mask for images/a.png'),
    missing=(b'images/b.png masks/a.png', 'do not exist: .*images/b.png'),
    folder=(b'images masks', 'do not exist: .*images'),
    leads_out=(b'../a.png masks/a.png', r'names \.\./a.png, which is outside'),
    mask_leads_out=(b'images/a.png x/../../a.png', 'x/../../a.png, which is'),
    absolute=(b'/etc/passwd masks/a.png', '/etc/passwd, which is outside'),
    beside=(b'{root}_2/a.png masks/a.png', '_2/a.png, which is outside'),
    link_loop=(b'images/loop.png masks/a.png', 'do not exist: .*loop.png'),
)


@pytest.mark.parametrize('name', REFUSED_LISTS)
def test_refused_lists(tmp_path, name):
    text, told = REFUSED_LISTS[name]
    root = tmp_path / 'data'
    write(root, text=text.replace(b'{root}', str(root).encode()))
    write(tmp_path / 'data_2')
    (root / 'images/loop.png').symlink_to('loop.png')
    with pytest.raises((OSError, ValueError), match=told):
        use(root)


def test_links_may_lead_out(tmp_path):
    """For example data/pascal -> /archive/VOC2012."""
    write(tmp_path / 'archive')
    (tmp_path / 'data').mkdir()
    for name in ('images', 'masks', 'list.txt'):
        (tmp_path / 'data' / name).symlink_to(tmp_path / 'archive' / name)
    (tmp_path / 'root').symlink_to('data')
    _, sample = use(tmp_path / 'root')
    np.testing.assert_array_equal(sample['gt_seg_map'], MASK)


def test_other_folders_with_anywhere(tmp_path):
    write(tmp_path, text='../a.png masks/a.png')
    (tmp_path / 'data').mkdir()
    (tmp_path / 'images/a.png').rename(tmp_path / 'a.png')
    (tmp_path / 'masks').rename(tmp_path / 'data/masks')
    (tmp_path / 'list.txt').rename(tmp_path / 'data/list.txt')
    _, sample = use(tmp_path / 'data', anywhere=True)
    np.testing.assert_array_equal(sample['img'], bgr(RGB))
