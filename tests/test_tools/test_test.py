"""tools/test.py with several evaluators."""

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
