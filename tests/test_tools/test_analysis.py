"""Pictures of training samples, and the confusion matrix."""

import csv

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsemi.apis import inference_model, init_model
from mmsemi.registry import MODELS
from tests.helpers.runs import make_config
from tests.helpers.tools import ROOT, TINY, call


@pytest.mark.parametrize('method', ['unimatch', 'supervised', 'st'])
def test_browse_dataset(method, tiny_data, tmp_path):
    config = TINY
    if method != 'unimatch':
        config = ROOT / 'tests/configs/tiny_self_training.py'
    if method == 'supervised':
        cfg = Config.fromfile(TINY)
        del cfg.train_dataloader.dataset.unlabeled_pipeline
        cfg.train_dataloader.sampler.ratio = (1, 0)
        config = tmp_path / 'supervised.py'
        cfg.dump(config)
    out = tmp_path / 'out'
    said = call(
        'tools/analysis/browse_dataset.py',
        *(config, '--output-dir', out, '--number', 3),
        *('--cfg-options', f'data_root={tiny_data}'),
    )
    assert '3 pictures' in said
    pictures = [cv2.imread(str(file)) for file in sorted(out.iterdir())]
    assert len(pictures) == 3
    views = 4 if method == 'unimatch' else 1
    assert {picture.shape for picture in pictures} == {(33, 33 * views, 3)}
    if views == 4:
        weak, strong = pictures[0][:, 33:66], pictures[0][:, 66:99]
        assert (weak != strong).any()


def test_browse_a_method_without_strong_views(tiny_data, tmp_path):
    """CPS mixes weak views, with boxes that toggle."""
    cfg = make_config('cps', tiny_data, tmp_path / 'run')
    cfg.dump(tmp_path / 'cps.py')
    said = call(
        'tools/analysis/browse_dataset.py',
        *(tmp_path / 'cps.py', '--output-dir', tmp_path / 'out', '--number', 2),
    )
    assert '2 pictures' in said
    for file in (tmp_path / 'out').iterdir():
        picture = cv2.imread(str(file))
        assert picture.shape == (33, 33 * 3, 3)
        assert (picture[:, 33:66] != picture[:, 66:]).any()


def test_confusion_matrix(tiny_data, tmp_path):
    torch.manual_seed(0)
    network = MODELS.build(Config.fromfile(TINY).model)
    torch.nn.init.normal_(network.decode_head.conv_seg.weight)
    file = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=network.state_dict()), file)
    said = call(
        'tools/analysis/confusion_matrix.py',
        *(TINY, file, '--out', tmp_path / 'matrix.csv', '--device', 'cpu'),
        *('--cfg-options', f'data_root={tiny_data}'),
    )
    (names, *rows) = csv.reader((tmp_path / 'matrix.csv').open())
    assert names[1:] == [row[0] for row in rows] == ['ground', 'disc', 'box', 'bar']
    found = np.array([row[1:] for row in rows], int)

    expected = np.zeros((4, 4), int)
    model = init_model(TINY, file, 'cpu')
    for line in (tiny_data / 'splits/val.txt').read_text().splitlines():
        image, mask = line.split()
        predicted = inference_model(model, tiny_data / image).pred_sem_seg.data[0]
        true = cv2.imread(str(tiny_data / mask), cv2.IMREAD_UNCHANGED)
        for t in range(4):
            for p in range(4):
                expected[t, p] += ((true == t) & (predicted.numpy() == p)).sum()
    np.testing.assert_array_equal(found, expected)
    share = 100 * expected[0, 0] / expected[0].sum()
    assert f'{share:.1f}' in said
