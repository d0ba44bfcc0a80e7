"""mmseg's inferencer and loader of networks, on mmsemi's configs."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from mmseg.apis import MMSegInferencer, inference_model, init_model

import mmsemi.apis
from mmsemi.registry import MODELS
from mmsemi.utils.config import resolve_settings
from tests.helpers.tools import ROOT, TINY


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    init_default_scope('mmsemi')
    torch.manual_seed(0)
    network = MODELS.build(Config.fromfile(TINY).model)
    torch.nn.init.normal_(network.decode_head.conv_seg.weight)  # several classes
    file = tmp_path_factory.mktemp('checkpoint') / 'random.pth'
    meta = dict(dataset_meta=dict(classes=('a', 'b', 'c', 'd'), palette=[[9] * 3] * 4))
    torch.save(dict(state_dict=network.state_dict(), meta=meta), file)
    return str(file)


@pytest.fixture
def image(tmp_path):
    """A gray file, which its loader turns into three channels."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 6), np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), cv2.resize(noise, (48, 40)))
    return str(tmp_path / 'a.png')


def ours(checkpoint, image, config=TINY):
    model = mmsemi.apis.init_model(config, checkpoint, 'cpu')
    return mmsemi.apis.inference_model(model, image).pred_sem_seg.data[0].numpy()


def infer(config, checkpoint, **kwargs):
    return MMSegInferencer(
        config, checkpoint, device='cpu', show_progress=False, **kwargs
    )


@pytest.mark.parametrize('kwargs', [{}, dict(scope='mmsemi'), dict(scope='mmseg')])
def test_inferencer_in_any_scope(kwargs, checkpoint, image, tmp_path):
    inferencer = infer(str(TINY), checkpoint, **kwargs)
    expected = ours(checkpoint, image)
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(inferencer(image)['predictions'], expected)
    # Folders, arrays and pictures, too.
    results = inferencer([cv2.imread(image), image], out_dir=str(tmp_path / 'out'))
    for prediction in results['predictions']:
        np.testing.assert_array_equal(prediction, expected)
    assert len(list((tmp_path / 'out').rglob('*.*'))) == 4


def test_inferencer_leaves_configs_of_mmseg_alone():
    cfg = Config.fromfile(TINY)
    cfg.default_scope = 'mmseg'
    with pytest.raises(ValueError, match='LoadImageFromFile'):
        infer(cfg, None, scope='mmsemi')


def test_inferencer_evaluates_in_windows_of_the_crop(checkpoint, image):
    cfg = Config.fromfile(TINY)
    cfg.model.test_cfg = dict(mode='windows')
    inferencer = infer(cfg, checkpoint)
    np.testing.assert_array_equal(
        inferencer(image)['predictions'], ours(checkpoint, image, cfg)
    )
    assert inferencer.model.test_cfg.crop_size == (33, 33)


def test_inferencer_refuses_other_channels(checkpoint):
    cfg = Config.fromfile(TINY)
    cfg.test_dataloader.dataset.pipeline[0].channels = 5
    with pytest.raises(ValueError, match='SemiInferencer'):
        infer(cfg, checkpoint)


def test_from_a_script_that_knows_mmseg_alone(checkpoint, image):
    """In another process, where nothing of mmsemi has been imported."""
    script = (
        'from mmseg.apis import MMSegInferencer\n'
        f'i = MMSegInferencer({str(TINY)!r}, {checkpoint!r}, device="cpu")\n'
        f'print(i({image!r})["predictions"].shape)'
    )
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', script],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert '(40, 48)' in done.stdout, done.stderr


def test_init_model_of_mmseg(checkpoint, image):
    model = init_model(TINY, checkpoint, device='cpu')
    result = inference_model(model, image)
    np.testing.assert_array_equal(
        result.pred_sem_seg.data[0].numpy(), ours(checkpoint, image)
    )
    from_array = inference_model(model, cv2.imread(image))
    assert (from_array.pred_sem_seg.data == result.pred_sem_seg.data).all()


def test_init_model_of_mmseg_for_windows(checkpoint, image):
    """The crop that windows follow has to be resolved; else the error says so."""
    cfg = Config.fromfile(TINY)
    cfg.model.test_cfg = dict(mode='windows')
    with pytest.raises(ValueError, match='resolve_settings'):
        inference_model(init_model(cfg, checkpoint, device='cpu'), image)
    model = init_model(resolve_settings(cfg), checkpoint, device='cpu')
    np.testing.assert_array_equal(
        inference_model(model, image).pred_sem_seg.data[0].numpy(),
        ours(checkpoint, image, cfg),
    )


def test_the_scope_stays(checkpoint):
    infer(str(TINY), checkpoint)
    assert DefaultScope.get_current_instance().scope_name == 'mmsemi'


class Harmful:
    def __reduce__(self):
        return eval, ('1 + 1',)


def test_inferencer_refuses_foreign_weights(checkpoint, tmp_path):
    """MMEngine loads what fits and warns of the rest."""
    cfg = Config.fromfile(TINY)
    cfg.model.decode_head.num_classes = 5
    with pytest.raises(ValueError, match='random.pth is not of this network'):
        infer(cfg, checkpoint)
    content = torch.load(checkpoint)
    torch.save(dict(content, extra=Harmful()), tmp_path / 'harmful.pth')
    with pytest.raises(ValueError, match='eval.*could run code'):
        infer(str(TINY), str(tmp_path / 'harmful.pth'))
    (tmp_path / 'page.pth').write_text('<html>')
    with pytest.raises(ValueError, match='is a web page'):
        infer(str(TINY), str(tmp_path / 'page.pth'))
