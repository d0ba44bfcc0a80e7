from unittest import mock

import cv2
import numpy as np
import pytest
import tifffile

from mmsemi.apis import Tiling, inference_model, segment_tiles
from mmsemi.apis.raster import Raster
from mmsemi.apis.tiles import spans
from mmsemi.datasets.transforms import LoadSegImage


@pytest.fixture(scope='module')
def large():
    """A picture (150, 200, 3), BGR uint8, larger than the tiles."""
    rng = np.random.default_rng(1)
    return cv2.resize(rng.integers(0, 256, (20, 25, 3), np.uint8), (200, 150))


@pytest.mark.parametrize('side', [1, 40, 63, 64, 65, 112, 113, 200])
def test_spans_cover_a_side_once(side):
    found = spans(side, 64, 16)
    kept = [i for span in found for i in range(span.kept.start, span.kept.stop)]
    assert kept == list(range(side))
    for span in found:
        assert span.tile.stop - span.tile.start == min(side, 64)
        assert span.tile.start <= span.kept.start and span.kept.stop <= span.tile.stop
        # Far from the tile's border, unless that is the image's.
        assert span.kept.start == 0 or span.kept.start - span.tile.start >= 8
        assert span.kept.stop == side or span.tile.stop - span.kept.stop >= 8


def test_a_pixel_is_that_of_its_tile(model, large):
    found = segment_tiles(model, large, Tiling(64, 16), confidence=True)
    assert found.mask.shape == found.confidence.shape == (150, 200)
    for y in spans(150, 64, 16):
        for x in spans(200, 64, 16):
            tile = np.ascontiguousarray(large[y.tile, x.tile])
            result = inference_model(model, tile, probabilities=True)
            part = (
                slice(y.kept.start - y.tile.start, y.kept.stop - y.tile.start),
                slice(x.kept.start - x.tile.start, x.kept.stop - x.tile.start),
            )
            mask = result.pred_sem_seg.data[0].numpy()[part]
            assert np.array_equal(found.mask[y.kept, x.kept], mask)
            certain = 255 * result.confidence.data[0].numpy()[part]
            assert abs(found.confidence[y.kept, x.kept] - certain).max() <= 0.51


def test_a_small_image_is_one_tile(model, pictures):
    whole = inference_model(model, pictures[0]).pred_sem_seg.data[0].numpy()
    assert np.array_equal(segment_tiles(model, pictures[0]).mask, whole)


def test_tiles_in_any_order(model, large):
    shown = []

    def track(tiles, count):
        shown.append(count)
        return tiles

    segment_tiles(model, large, Tiling(64, 16), track=track)
    assert shown == [3 * 4]


def test_tiles_that_cannot_be(model, large):
    with pytest.raises(ValueError, match='64 pixels cannot overlap by 64'):
        segment_tiles(model, large, Tiling(64, 64))


def test_a_fixed_size_is_refused(model, large, monkeypatch):
    pipeline = [model.cfg.test_pipeline[0], dict(type='Resize', scale=(64, 64))]
    cfg = mock.Mock(test_pipeline=pipeline)
    monkeypatch.setattr(model, 'cfg', cfg)
    with pytest.raises(ValueError, match=r'resizes images to \(64, 64\)'):
        segment_tiles(model, large)


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(tile=(32, 48)),
        dict(tile=(32, 48), compression='zlib'),
        dict(rowsperstrip=7, compression='zlib'),
        dict(planarconfig='separate'),
    ],
    ids=str,
)
def test_tiffs_in_parts(large, options, tmp_path):
    """Mapped, in tiles, in strips; or decoded once."""
    file = tmp_path / 'a.tif'
    pixels = large[..., ::-1]
    if options.get('planarconfig'):
        pixels = pixels.transpose(2, 0, 1)
    tifffile.imwrite(file, pixels, photometric='rgb', **options)
    decoded = []

    def load(image):
        decoded.append(image)
        return cv2.imread(str(image))

    raster = Raster(file, load, None, 64)
    assert raster.shape == (150, 200)
    assert bool(decoded) == ('planarconfig' in options)
    for y, x in ((0, 0), (30, 41), (86, 136)):
        part = raster.read(slice(y, y + 64), slice(x, x + 64))
        assert np.array_equal(part, large[y : y + 64, x : x + 64])
    assert np.array_equal(raster.reduced(3), large[::3, ::3])


@pytest.mark.parametrize('channels', [3, 5, 1])
@pytest.mark.parametrize('dtype', [np.uint16, np.uint8])
def test_channels_and_ranges_in_parts(dtype, channels, tmp_path):
    """As the loader of the config decodes the whole file."""
    rng = np.random.default_rng(0)
    file, shape = tmp_path / 'a.tif', (50, 60, channels)
    pixels = rng.integers(0, 200, shape[: 2 if channels == 1 else 3]).astype(dtype)
    kind = dict(photometric='rgb' if channels == 3 else 'minisblack')
    if channels == 5:
        kind['planarconfig'] = 'contig'
    tifffile.imwrite(file, pixels, tile=(16, 16), **kind)
    loader = LoadSegImage(channels, value_range=(0, 100))
    whole = loader(dict(img_path=str(file)))['img']
    raster = Raster(file, pytest.fail, loader, 16)
    part = raster.read(slice(5, 30), slice(7, 60))
    assert np.array_equal(part, whole[5:30, 7:60])


def test_pages_are_decoded_once(large, tmp_path):
    tifffile.imwrite(tmp_path / 'a.tif', np.stack([large, large]), photometric='rgb')
    assert Raster(tmp_path / 'a.tif', lambda image: large, None, 64).shape == (150, 200)
