"""tools/test.py with several evaluators."""

import json
import re

import pytest
import torch
from mmengine.config import Config

from mmsemi.registry import MODELS
from tests.helpers.tools import TINY, call


def test_several_evaluators_write_predictions_once(tiny_data, tmp_path):
    cfg = Config.fromfile(TINY)
    cfg.test_evaluator = [
        dict(type='ConfusionIoUMetric', iou_metrics=['mIoU']),
        dict(type='IoUMetric', iou_metrics=['mDice']),
    ]
    cfg.dump(tmp_path / 'config.py')
    weights = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'weights.pth')
    call(
        'tools/test.py',
        *(tmp_path / 'config.py', tmp_path / 'weights.pth'),
        *('--work-dir', tmp_path / 'run', '--out', tmp_path / 'masks'),
        *('--cfg-options', f'data_root={tiny_data}'),
    )
    assert len(list((tmp_path / 'masks').iterdir())) == 3
    (scores,) = (tmp_path / 'run').glob('2*/2*.json')
    assert 'mDice' in scores.read_text() and 'mIoU' in scores.read_text()


@pytest.mark.parametrize('named', (True, False))
def test_leaves_a_training_as_it_is(named, tiny_data, tmp_path):
    """Whether the folder of the training is named or the default."""
    cfg = Config.fromfile(TINY)
    cfg.work_dir = str(tmp_path)
    config = tmp_path / 'trained.py'
    cfg.dump(config)
    torch.save(
        dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'a.pth'
    )
    (tmp_path / 'last_checkpoint').write_text('a.pth')
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    said = call(
        *('tools/test.py', config, tmp_path / 'a.pth'),
        *(('--work-dir', tmp_path) if named else ()),
        *('--cfg-options', f'data_root={tiny_data}'),
    )
    assert re.search(r'^Test: mIoU [\d.]+', said, re.M)
    after = {file.name for file in tmp_path.iterdir()}
    assert after == {*before, 'test'}
    assert all((tmp_path / name).read_bytes() == before[name] for name in before)
    (scores,) = json.loads((tmp_path / 'test/test_results.json').read_text())
    assert scores['checkpoint'] == str(tmp_path / 'a.pth')
    assert scores['classes'].keys() == {'ground', 'disc', 'box', 'bar'}
