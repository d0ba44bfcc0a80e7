"""The options of `mmsemi predict`, by the command."""

import json
import os
import re
import sys

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.helpers.tools import ROOT, TINY, call, run

TOOL = 'tools/predict.py'


def test_everything_into_a_folder(folder, checkpoint, tmp_path):
    out = tmp_path / 'out'
    args = (folder, TINY, checkpoint, '--out-dir', out, '--legend', '--save-confidence')
    printed = call(TOOL, *args, '--save-probabilities')
    assert '3 of 3 images' in printed
    assert 'masks, colors, overlays, pictures, confidence, probabilities' in printed
    mask = np.array(Image.open(out / 'masks/deep/b.png'))
    certain = np.array(Image.open(out / 'confidence/deep/b.png'))
    with np.load(out / 'probabilities/deep/b.npz') as content:
        prob = content['probabilities'].astype(float)
    assert (prob.argmax(0) == mask).mean() > 0.99  # rounding makes ties
    assert np.abs(prob.max(0) - certain / 255).max() < 0.01
    assert Image.open(out / 'pictures/deep/b.png').width > 2 * mask.shape[1]

    # What is there is not predicted again unless asked; pictures without the
    # confidence beside them are other pictures.
    assert '3 of them from before' in call(TOOL, *args, '--save-probabilities')
    assert 'from before' not in call(TOOL, *args, '--overwrite')
    assert 'from before' not in call(TOOL, *args[:-1])
    assert Image.open(out / 'pictures/deep/b.png').width < 2 * certain.shape[1] + 400


def test_labels_to_train_on(tiny_data, checkpoint, tmp_path, plain_configs):
    """A list is labeled once, and a training learns from the masks."""
    labels = tmp_path / 'labels.txt'
    root = f'data_root={tiny_data}'
    printed = call(
        *(TOOL, tiny_data / 'splits/train.txt', TINY, checkpoint, '--no-colors'),
        *('--out-dir', tmp_path / 'out', '--ignore-below', '0.3'),
        *('--save-list', labels, '--cfg-options', root),
    )
    assert f'8 of 8 images are in {tmp_path / "out"} (masks) and {labels} (8' in printed
    call(
        *('mmsemi', 'train', ROOT / 'tests/configs/tiny_self_training.py'),
        *('--work-dir', tmp_path / 'work', '--cfg-options', root),
        *('runner_type=SemiRunner', 'self_training=None', 'train_cfg.max_epochs=1'),
        f'train_dataloader.dataset.pseudo_list={labels}',
    )
    # Three labeled images, three times each, and eight, in batches of two.
    (scores,) = json.loads((tmp_path / 'work/results.json').read_text())
    assert scores['iter'] == (3 * 3 + 8) // 2


def test_video_into_a_video(video, checkpoint, tmp_path):
    out = tmp_path / 'out.avi'
    call(TOOL, video, TINY, checkpoint, '--save-video', out, '--fps', '5', '--legend')
    reader = cv2.VideoCapture(str(out))
    assert reader.get(cv2.CAP_PROP_FPS) == 5
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert reader.read()[1].shape == (40, 48, 3)


def test_tiles(checkpoint, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (150, 210, 3), np.uint8)
    tifffile.imwrite(tmp_path / 'map.tif', pixels)
    args = (tmp_path / 'map.tif', TINY, checkpoint, '--out-dir', tmp_path / 'out')
    call(TOOL, *args, '--tile', '64', '--overlap', '16', '--save-confidence')
    mask = np.array(Image.open(tmp_path / 'out/masks/map.png'))
    assert mask.shape == (150, 210) and len(np.unique(mask)) > 1


@pytest.mark.parametrize(
    'options, message',
    [
        ((), '--out-dir'),
        (('--save-video', 'out.gif'), r'\.mp4'),
        (('--save-video', 'out.mp4', '--save-confidence'), '--out-dir'),
        (('--save-video', 'out.mp4', '--save-list', 'out.txt'), '--out-dir'),
        (('--out-dir', 'out', '--fps', '5'), '--save-video'),
        (('--out-dir', 'out', '--overlap', '5'), '--tile'),
        (('--out-dir', 'out', '--tile', '64', '--overlap', '64'), 'less than the tile'),
        (('--out-dir', 'out', '--tile', '64', '--save-probabilities'), 'tiles'),
        (('--save-video', 'out.mp4', '--tile', '64'), 'whole frames'),
        (('--out-dir', 'out', '--launcher', 'pytorch'), 'RANK is not set'),
    ],
)
def test_what_contradicts_itself_is_refused(
    options, message, folder, checkpoint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('RANK', raising=False)
    printed = call(TOOL, folder, TINY, checkpoint, *options, ok=False)
    assert re.search(message, printed), printed
    assert not list(tmp_path.rglob('out*'))


def test_several_processes_share_the_images(folder, checkpoint, tmp_path):
    """Together they write what one writes, and one list of it."""
    args = (TINY, checkpoint, '--save-list', tmp_path / 'list.txt', '--out-dir')
    call(TOOL, folder, *args, tmp_path / 'one')
    listed = (tmp_path / 'list.txt').read_text()
    (tmp_path / 'list.txt').unlink()
    run(
        *(sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2'),
        *('--master_port', '29713', TOOL, folder, *args, tmp_path / 'two'),
        *('--launcher', 'pytorch'),
        env=dict(CUDA_VISIBLE_DEVICES='-1', PYTHONPATH=os.getcwd()),
    )
    files = sorted(
        p.relative_to(tmp_path / 'one') for p in (tmp_path / 'one').rglob('*.*')
    )
    assert len(files) == 3 * 3 + 1
    for file in files:
        assert (tmp_path / 'two' / file).read_bytes() == (
            tmp_path / 'one' / file
        ).read_bytes()
    assert len(listed.splitlines()) == 3
    assert (tmp_path / 'list.txt').read_text() == listed.replace('/one/', '/two/')
