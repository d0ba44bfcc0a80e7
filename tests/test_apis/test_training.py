import logging

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmsemi.apis import inference_model, init_model, train
from tests.helpers.runs import NO_ENVIRONMENT
from tests.helpers.tools import ROOT, TINY


@pytest.fixture(scope='module')
def runs(tiny_data, tmp_path_factory):
    """Two trainings in one process."""
    folder = tmp_path_factory.mktemp('runs')
    options = {'data_root': str(tiny_data), 'train_cfg.max_epochs': 1}
    handlers = list(logging.getLogger().handlers)
    with NO_ENVIRONMENT:
        found = [train(TINY, folder / name, options) for name in ('first', 'second')]
    assert logging.getLogger().handlers == handlers
    assert DefaultScope.get_current_instance().scope_name == 'mmsemi'
    return found


def test_what_a_training_returns(runs, tiny_data):
    first, second = runs
    for run, name in zip(runs, ('first', 'second'), strict=True):
        assert run.work_dir.name == name
        (row,) = run.scores
        assert row['epoch'] == 1 and 0 <= row['mIoU'] <= 100
        assert run.last_checkpoint == run.work_dir / 'epoch_1.pth'
        assert run.best_checkpoint == run.work_dir / 'best_mIoU_epoch_1.pth'
        assert run.checkpoint == run.best_checkpoint and run.checkpoint.is_file()
    assert first.scores == second.scores, 'the same seed, whatever ran before'
    model = init_model(first.config, first.checkpoint, 'cpu')
    image = next((tiny_data / 'images/val').iterdir())
    assert inference_model(model, image).pred_sem_seg.shape == (40, 48)


def test_resume(runs, tiny_data):
    first = runs[0]
    options = {'data_root': str(tiny_data), 'train_cfg.max_epochs': 2}
    with NO_ENVIRONMENT:
        run = train(str(TINY), first.work_dir, options, resume=True)
    assert [row['epoch'] for row in run.scores] == [1, 2]
    assert run.last_checkpoint.name == 'epoch_2.pth'


def test_without_validation(tiny_data, tmp_path):
    options = {
        'data_root': str(tiny_data),
        'train_cfg.max_epochs': 1,
        **dict.fromkeys(('val_dataloader', 'val_evaluator', 'val_cfg')),
        'default_hooks.checkpoint.save_best': None,
        'rehearse': False,
    }
    with NO_ENVIRONMENT:
        run = train(TINY, tmp_path / 'run', options)
    assert run.best_checkpoint is None and run.scores == []
    assert run.checkpoint == run.last_checkpoint


def test_self_training(tiny_data, tmp_path):
    options = {
        'train_dataloader.dataset.data_root': str(tiny_data),
        'val_dataloader.dataset.data_root': str(tiny_data),
        'test_dataloader.dataset.data_root': str(tiny_data),
        'train_cfg.max_epochs': 1,
        'self_training.shares': (1,),
        'rehearse': False,
    }
    with NO_ENVIRONMENT:
        run = train(
            ROOT / 'tests/configs/tiny_self_training.py', tmp_path / 'run', options
        )
    assert run.work_dir == tmp_path / 'run/3_retraining'
    assert run.best_checkpoint.is_file() and run.last_checkpoint.is_file()
    assert len(run.scores) == 1


def test_wrong_settings(tmp_path):
    with pytest.raises(FileNotFoundError, match='no config'):
        train(tmp_path / 'nowhere.py')
    with pytest.raises(ValueError, match='total_batchsize.*total_batch_size'):
        train(TINY, tmp_path, {'total_batchsize': 2})
    assert Config.fromfile(TINY).total_batch_size == 2
