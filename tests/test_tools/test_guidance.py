"""Methods with an EMA teacher, by the command of a user."""

import json

import pytest
from mmengine.config import Config

from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.tools import ROOT, call
from tests.test_contributing import make_camvid


@pytest.fixture(scope='module')
def camvid(tmp_path_factory):
    root = tmp_path_factory.mktemp('camvid')
    make_camvid(root)
    return root


@pytest.mark.parametrize('method', ['fixmatch', 'unimatch', 'rankmatch', 'corrmatch'])
def test_one_setting_adds_a_teacher(method, camvid, tmp_path):
    """It is trained from, validated, and saved."""
    options = dict(
        data_root=camvid,
        crop_size=129,
        total_batch_size=4,
        **{
            'model.guidance': 'ema',
            'train_cfg.max_epochs': 1,
            'train_cfg.val_interval': 1,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'val_dataloader.num_workers': 0,
            'val_dataloader.persistent_workers': False,
        },
    )
    call(
        'tools/train.py',
        ROOT / f'configs/{method}/camvid_1-8_r18.py',
        *('--work-dir', tmp_path, '--cfg-options'),
        *(f'{name}={value}' for name, value in options.items()),
    )
    (scores,) = json.loads((tmp_path / 'results.json').read_text())
    assert {'mIoU', 'teacher_mIoU'} <= scores.keys()
    checkpoint = read_checkpoint(tmp_path / 'epoch_1.pth')
    student = checkpoint['state_dict']
    teacher = {
        name.removeprefix('module.'): tensor
        for name, tensor in checkpoint['ema_teacher'].items()
    }
    assert any(not tensor.equal(teacher[name]) for name, tensor in student.items())
    saved = Config.fromfile(tmp_path / 'camvid_1-8_r18.py')
    assert saved.custom_hooks == [dict(type='EMATeacherHook', evaluate=True)]
