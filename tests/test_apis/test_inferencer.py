import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmsemi.apis import SemiInferencer, inference_model
from mmsemi.registry import INFERENCERS
from tests.helpers.tools import TINY


@pytest.fixture(scope='module')
def inferencer(checkpoint):
    return SemiInferencer(TINY, checkpoint, device='cpu', show_progress=False)


@pytest.fixture(scope='module')
def masks(model, pictures):
    return [r.pred_sem_seg.data[0].numpy() for r in inference_model(model, pictures)]


def test_single_image(inferencer, pictures, masks, folder):
    for image in (pictures[0], folder / 'a.png', str(folder / 'a.png')):
        result = inferencer(image, return_vis=True)
        assert np.array_equal(result['predictions'], masks[0])
        assert result['visualization'].shape == (40, 48, 3)


def test_lists_folders_and_videos(inferencer, pictures, masks, folder, video):
    for images in (pictures, iter(pictures), video):
        result = inferencer(images)
        assert np.array_equal(result['predictions'], masks)
        assert result['visualization'] == []
    assert len(inferencer(folder)['predictions']) == 3
    assert len(inferencer(folder, return_vis=True)['visualization']) == 3


def test_data_samples(inferencer, pictures):
    (sample,) = inferencer(pictures[:1], return_datasamples=True, probabilities=True)
    assert sample.probabilities.shape == sample.pred_sem_seg.shape
    assert inferencer(pictures[0], return_datasamples=True).pred_sem_seg is not None


def test_frames_one_by_one(inferencer, video, masks, tmp_path):
    inferencer.num_pred_imgs = inferencer.num_visualized_imgs = 0
    results = inferencer.iterate(video, out_dir=str(tmp_path / 'out'))
    for i, result in enumerate(results):
        assert np.array_equal(result['predictions'], masks[i])
        written = sorted((tmp_path / 'out/pred').iterdir())
        assert len(written) == i + 1, 'each before the next is computed'
        read = cv2.imread(str(written[-1]), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(read, masks[i])
    assert len(list((tmp_path / 'out/vis').iterdir())) == 3


def test_colors_are_those_of_the_config(inferencer, pictures, masks):
    drawn = inferencer(pictures[0], return_vis=True, opacity=1.0, with_labels=False)[
        'visualization'
    ]
    palette = np.array(Config.fromfile(TINY).metainfo.palette)
    assert np.array_equal(drawn, palette[masks[0]])


def test_registered(checkpoint, masks, pictures):
    inferencer = INFERENCERS.build(
        dict(
            type='SemiInferencer',
            model=str(TINY),
            weights=str(checkpoint),
            device='cpu',
        )
    )
    assert np.array_equal(inferencer(pictures[1])['predictions'], masks[1])


def test_no_config(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match='no config .*nowhere.py'):
        SemiInferencer(tmp_path / 'nowhere.py', checkpoint)
