"""Files of predictions: which, with what in them, and when they are written."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from mmsemi.apis import (
    OutputFolder,
    OutputVideo,
    Tiling,
    inference_model,
    init_model,
    open_images,
    predict_to_files,
)
from mmsemi.datasets import ListSegDataset, read_list
from tests.helpers.tools import TINY


@pytest.fixture
def outputs(model, tmp_path):
    """Make the options of a folder or a video."""

    def make(kind, path, **options):
        return kind(tmp_path / path, **model.dataset_meta, **options)

    return make


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_everything_that_can_be_written(model, pictures, folder, outputs):
    out = outputs(OutputFolder, 'out', legend=True, confidence=True, probabilities=True)
    report = predict_to_files(model, open_images(folder), out)
    assert (report.saved, report.earlier, report.failed) == (3, 0, [])
    result = inference_model(model, folder / 'a.png', probabilities=True)
    mask = result.pred_sem_seg.data[0].numpy()
    prob = result.probabilities.data.numpy()
    # The first of two that differ in the suffix alone is a.bmp.
    assert np.array_equal(Image.open(out.file('masks', 'a.png')), mask)
    certain = np.array(Image.open(out.file('confidence', 'a.png')))
    assert certain.dtype == np.uint8 and certain.shape == mask.shape
    assert np.abs(certain / 255 - prob.max(0)).max() < 0.003
    with np.load(out.file('probabilities', 'a.png')) as content:
        assert np.abs(content['probabilities'] - prob).max() < 0.001
    names = {'a', 'a.png', 'deep/b'}
    assert set(contents(out.folder)) == {'legend.png'} | {
        f'{kind}/{name}{suffix}' for kind, suffix in out.kinds.items() for name in names
    }
    picture = cv2.imread(str(out.file('pictures', 'a.png')))
    assert picture.shape[1] > 2 * 48, 'prediction and confidence'


def test_what_is_there_is_not_predicted_again(
    model, checkpoint, folder, outputs, monkeypatch
):
    out = outputs(OutputFolder, 'out')
    before = (3, 0, 0)

    def run(model=model, out=out, **options):
        report = predict_to_files(model, open_images(folder), out, **options)
        return report.saved, report.earlier, len(report.failed)

    assert run() == before
    written = contents(out.folder)
    assert run() == (0, 3, 0)
    out.file('overlays', 'a').unlink()
    assert run() == (1, 2, 0), 'one lacks a file'
    assert contents(out.folder) == written
    cv2.imwrite(str(folder / 'deep/b.png'), np.zeros((30, 30, 3), np.uint8))
    assert run() == (1, 2, 0), 'one image changed'
    assert run(overwrite=True) == (3, 0, 0)
    assert run(out=outputs(OutputFolder, 'out', opacity=0.3)) == (3, 0, 0)
    assert run(out=outputs(OutputFolder, 'out', confidence=True)) == (3, 0, 0)
    other = init_model(TINY, checkpoint, 'cpu')
    other.decode_head.conv_seg.bias.data += 1
    assert run(other) == (3, 0, 0), 'other weights'


def test_several_processes_write_what_one_writes(model, folder, video, outputs):
    for images in (folder, video):
        one = outputs(OutputFolder, f'one_{images.name}', confidence=True)
        two = outputs(OutputFolder, f'two_{images.name}', confidence=True)
        predict_to_files(model, open_images(images), one)
        reports = [
            predict_to_files(model, open_images(images), two, process=i, processes=2)
            for i in range(2)
        ]
        assert [report.saved for report in reports] == [2, 1]
        assert contents(one.folder) == contents(two.folder)


def test_a_list_to_train_on(model, folder, outputs, tmp_path):
    """From a list to a list: images below one root, unsure pixels without a class."""
    (folder / 'all.txt').write_text('a.png\ndeep/b.png mask.png\na.png\nno.png\n')
    images = open_images(folder / 'all.txt', str(folder))
    certain = inference_model(model, folder / 'a.png', True).confidence.data[0].numpy()
    below = float(np.median(certain))
    for place in ('photos/labels', 'out'):  # below the root, and elsewhere
        out = outputs(OutputFolder, place, colors=False)
        report = predict_to_files(
            model, images, out, ignore_below=below, list_file=tmp_path / 'new.txt'
        )
        assert (report.saved, report.listed, len(report.failed)) == (3, 3, 1)
        found = read_list(tmp_path / 'new.txt')
        assert [entry.image for entry in found] == ['a.png', 'deep/b.png', 'a.png']
        mask = np.array(Image.open(folder / found[0].mask))
        assert np.array_equal(mask == 255, certain < below) and (mask == 255).any()
        names = {'legend.png', 'masks/a.png.png', 'masks/deep/b.png.png'}
        assert set(contents(out.folder)) == names
    assert found[0].mask == str(tmp_path / 'out/masks/a.png.png')
    labels = ListSegDataset(str(tmp_path / 'new.txt'), str(folder), anywhere=True)
    assert labels.get_data_info(2)['img_path'] == str(folder / 'a.png')
    with pytest.raises(ValueError, match='names image files'):
        predict_to_files(model, open_images(certain), out, list_file='new.txt')
    with pytest.raises(ValueError, match='data_root'):
        open_images(folder / 'all.txt')


def test_killed_and_continued(model, checkpoint, folder, outputs, tmp_path):
    """By other processes; never with results of another network among its own."""

    class Killed(OutputFolder):
        def save(self, result, mark):
            if result.name == 'deep/b':
                raise KeyboardInterrupt
            super().save(result, mark)

    images = open_images(folder)
    list_file = tmp_path / 'list.txt'
    other = init_model(TINY, checkpoint, 'cpu')
    other.decode_head.conv_seg.bias.data += 1

    def predict(network, kind=OutputFolder, process=0, processes=1):
        report = predict_to_files(
            network,
            images,
            outputs(kind, 'out'),
            list_file=list_file,
            process=process,
            processes=processes,
        )
        return report.saved, report.earlier, report.listed

    for network in (model, other, model):
        with pytest.raises(KeyboardInterrupt):
            predict(network, Killed)
    before = contents(tmp_path / 'out')
    assert not list_file.exists()
    found = [predict(model, process=i, processes=2) for i in range(2)]
    assert found == [(1, 1, 0), (0, 1, 3)]  # the last one writes the list
    after = contents(tmp_path / 'out')
    assert len(read_list(list_file)) == 3 and len(after) == 3 * 3 + 1
    assert {name: after.get(name) for name in before if 'pass_' not in name} == {
        name: content for name, content in before.items() if 'pass_' not in name
    }
    one = outputs(OutputFolder, 'one')
    predict_to_files(model, images, one)
    assert contents(one.folder) == after


def test_tiles(model, folder, outputs):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    tifffile.imwrite(folder / 'large.tif', pixels, photometric='rgb', tile=(32, 32))
    (folder / 'broken.png').write_bytes(b'no image')
    out = outputs(OutputFolder, 'out', confidence=True, legend=True)
    report = predict_to_files(model, open_images(folder), out, tiling=Tiling(48, 16))
    assert report.saved == 4 and 'broken' in report.failed[0]
    for kind in ('masks', 'overlays', 'confidence'):
        assert Image.open(out.file(kind, 'large')).size == (130, 90)


def test_pictures_of_huge_images_are_reduced(model, folder, outputs, monkeypatch):
    monkeypatch.setattr('mmsemi.apis.outputs.LARGEST', 20)
    out = outputs(OutputFolder, 'out')
    predict_to_files(model, open_images(folder), out, tiling=Tiling(48, 16))
    assert Image.open(out.file('masks', 'a')).size == (48, 40)
    assert Image.open(out.file('overlays', 'a')).size == (16, 14)


def test_video(model, pictures, video, outputs):
    """The rate, the size and the number of frames stay."""
    for legend in (False, True):
        out = outputs(OutputVideo, 'out.avi', opacity=1, legend=legend)
        report = predict_to_files(model, open_images(video), video=out)
        assert report.saved == 3
        capture = cv2.VideoCapture(str(out.file))
        assert capture.get(cv2.CAP_PROP_FPS) == 10
        for picture in pictures:
            found, frame = capture.read()
            assert found and frame.shape == picture.shape
            if not legend:
                mask = inference_model(model, picture).pred_sem_seg.data[0].numpy()
                colors = np.array(model.dataset_meta['palette'])[mask][..., ::-1]
                assert np.abs(frame.astype(int) - colors).mean() < 25
        assert not capture.read()[0]
    with pytest.raises(ValueError, match='one process, of whole frames'):
        predict_to_files(model, open_images(video), video=out, processes=2)


def test_what_cannot_be_written(model, folder, outputs, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='could not be written|directory'):
        predict_to_files(model, open_images(folder), outputs(OutputFolder, 'file'))
