"""Pictures of training samples, and the confusion matrix."""

import csv

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsemi.apis import inference_model, init_model
from mmsemi.registry import MODELS
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
        kept = ('data_preprocessor', 'backbone', 'decode_head', 'test_cfg')
        cfg.model = dict(type='Supervised', **{key: cfg.model[key] for key in kept})
        config = tmp_path / 'supervised.py'
        cfg.dump(config)
    out = tmp_path / 'out'
    said = call(
        'tools/analysis/browse_dataset.py',
        *(config, '--output-dir', out, '--number', 3),
        *('--cfg-options', f'data_root={tiny_data}'),
    )
    assert '3 pictures' in said
    pictures = [cv2.imread(str(file)) for file in sorted(out.glob('*.png'))]
    assert len(pictures) == 3
    panel = 33 * 11  # enlarged; 4 pixels between two
    columns = 4 if method == 'unimatch' else 2
    assert {p.shape[1] for p in pictures} == {columns * panel + (columns - 1) * 4}
    title = next(y for y in range(60) if (pictures[0][y, :panel] < 250).any(1).all())
    image = pictures[0][title : title + panel, :panel]
    assert (image[::11, ::11] == image[5::11, 10::11]).all()  # whole pixels


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
