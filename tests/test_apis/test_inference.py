import copy

import cv2
import mmseg.apis
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsemi.apis import inference_model, init_model, iter_predictions, open_images
from mmsemi.registry import RUNNERS
from tests.helpers.runs import make_config
from tests.helpers.tools import TINY


def mask(result):
    return result.pred_sem_seg.data


def expected(model, pictures):
    """Class maps (1, H, W), computed from the definition."""
    for picture in pictures:
        image = torch.from_numpy(picture.transpose(2, 0, 1).copy())
        images = model.data_preprocessor(dict(inputs=[image]))['inputs']
        with torch.no_grad():
            yield model.logits(images).argmax(1)


def test_array(model, pictures):
    result = inference_model(model, pictures[0])
    assert torch.equal(mask(result), next(expected(model, pictures)))
    assert len(mask(result).unique()) > 1
    assert set(result.keys()) == {'pred_sem_seg'}


def test_file_as_mmseg(model, pictures, folder):
    for path in (folder / 'a.png', str(folder / 'a.png')):
        result = inference_model(model, path)
        assert torch.equal(mask(result), next(expected(model, pictures)))
    theirs = mmseg.apis.inference_model(model, str(folder / 'a.png'))
    assert torch.equal(mask(result), mask(theirs))


def test_list_of_files_and_arrays(model, pictures, folder):
    images = [folder / 'deep/b.png', pictures[0], str(folder / 'a.bmp')]
    results = inference_model(model, images)
    first, second, third = expected(model, pictures)
    for result, target in zip(results, (third, first, second), strict=True):
        assert torch.equal(mask(result), target)
    assert len(inference_model(model, images[:1])) == 1


def test_folder(model, pictures, folder):
    predictions = list(iter_predictions(model, folder))
    first, second, third = expected(model, pictures)
    found = {p.name: mask(p.result) for p in predictions}
    # The first of two that differ in the suffix alone has the short name.
    for name, target in {'a': second, 'a.png': first, 'deep/b': third}.items():
        assert torch.equal(found.pop(name), target)
    assert not found
    assert len(inference_model(model, folder)) == 3


def test_video(model, pictures, video):
    results = inference_model(model, video)
    for result, target in zip(results, expected(model, pictures), strict=True):
        assert torch.equal(mask(result), target)
    images = open_images(video)
    assert len(images) == 3
    assert [name for name, _ in images] == ['000000', '000001', '000002']


def test_images_are_loaded_when_their_turn_comes(model, pictures):
    taken = []

    def frames():
        for i in range(100):
            taken.append(i)
            yield pictures[i % 3]

    predictions = iter_predictions(model, frames())
    targets = list(expected(model, pictures))
    for i in range(5):
        assert torch.equal(mask(next(predictions).result), targets[i % 3])
        assert len(taken) <= i + 2, 'one image ahead'
    predictions.close()


@pytest.mark.parametrize('mode', ['whole', 'slide', 'windows'])
def test_probabilities(model, pictures, mode):
    model = copy.deepcopy(model)
    model.test_cfg.update(mode=mode, crop_size=(24, 24), stride=(16, 16))
    plain = inference_model(model, pictures[0])
    result = inference_model(model, pictures[0], probabilities=True)
    prob = result.probabilities.data
    assert prob.shape == (4, 40, 48)
    assert torch.allclose(prob.sum(0), torch.ones(40, 48))
    assert torch.equal(prob.argmax(0, keepdim=True), mask(plain))
    assert torch.equal(result.confidence.data, prob.amax(0, keepdim=True))
    if mode == 'whole':
        image = torch.from_numpy(pictures[0].transpose(2, 0, 1).copy())
        images = model.data_preprocessor(dict(inputs=[image]))['inputs']
        with torch.no_grad():
            assert torch.allclose(prob, model.logits(images)[0].softmax(0), atol=1e-6)


def test_augmented_as_the_test_tool(checkpoint, tiny_data, tmp_path):
    """As ``tools/test.py --tta``, from files and from arrays."""
    cfg = make_config('rankmatch', tiny_data, tmp_path)
    cfg.load_from = str(checkpoint)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    model = init_model(TINY, checkpoint, 'cpu', tta=True)
    cfg.model = dict(cfg.tta_model, module=cfg.model)
    runner = RUNNERS.build(cfg)
    runner.load_or_resume()
    runner.model.eval()
    for data in runner.test_dataloader:
        with torch.no_grad():
            (theirs,) = runner.model.test_step(data)
        for image in (theirs.img_path, cv2.imread(theirs.img_path)):
            assert torch.equal(mask(inference_model(model, image)), mask(theirs))
    with pytest.raises(ValueError, match='no probabilities: leave out'):
        inference_model(model, theirs.img_path, probabilities=True)


def test_mixed_precision(model, pictures):
    full = inference_model(model, pictures[0], probabilities=True).probabilities.data
    half = inference_model(
        model, pictures[0], probabilities=True, amp=True
    ).probabilities.data
    assert not torch.equal(full, half)
    assert torch.allclose(full, half, atol=0.1)


def test_images_that_cannot_be_used(model, folder):
    (folder / 'broken.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match='broken.png .*cannot be decoded'):
        inference_model(model, folder)
    failed = {}
    names = [
        p.name for p in iter_predictions(model, folder, on_error=failed.__setitem__)
    ]
    assert names == ['a', 'a.png', 'deep/b']
    assert list(failed) == ['broken'] and 'broken.png' in str(failed['broken'])


@pytest.mark.parametrize(
    'array, shown',
    [
        (np.zeros((40, 48), np.uint8), r'\(40, 48\)'),
        (np.zeros((40, 48, 4), np.uint8), r'\(40, 48, 4\)'),
        (np.zeros((40, 48, 3)), 'float64'),
    ],
)
def test_arrays_that_are_no_image(model, array, shown):
    with pytest.raises(ValueError, match=f'{shown}.*give .H, W, 3. uint8, BGR'):
        inference_model(model, array)


def test_what_does_not_exist(model, tmp_path):
    with pytest.raises(FileNotFoundError, match='no image or folder .*nowhere'):
        inference_model(model, tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='No image below .* ends in one of'):
        inference_model(model, tmp_path)
    with pytest.raises(FileNotFoundError, match='no image .*nowhere.png'):
        inference_model(model, [tmp_path / 'nowhere.png'])


def test_damaged_videos(model, video, tmp_path):
    (tmp_path / 'empty.mp4').write_bytes(b'')
    with pytest.raises(ValueError, match='empty.mp4 cannot be decoded'):
        inference_model(model, tmp_path / 'empty.mp4')
    images = open_images(video)
    images.images.reader._frame_cnt = 7
    with pytest.warns(UserWarning, match='video.avi ends after 3 frames.* 7'):
        assert len(list(images)) == 3


def test_augmentation_averages_the_probabilities_of_windows(checkpoint, pictures):
    """Not the softmax of their sums, which would flatten them."""
    cfg = Config.fromfile(TINY)
    cfg.model.test_cfg = dict(mode='windows', crop_size=(24, 24), stride=(16, 16))
    flips = [
        dict(type='RandomFlip', prob=p, direction='horizontal') for p in (0.0, 1.0)
    ]
    cfg.tta_pipeline[1].transforms = [flips, [dict(type='PackSegInputs')]]
    plain = init_model(cfg, checkpoint, 'cpu')
    a, b = (
        inference_model(plain, np.ascontiguousarray(p), True).probabilities.data
        for p in (pictures[0], pictures[0][:, ::-1])
    )
    target = (a + b.flip(2)).argmax(0, keepdim=True)
    model = init_model(cfg, checkpoint, 'cpu', tta=True)
    result = mask(inference_model(model, pictures[0]))
    assert (result == target).float().mean() > 0.999
