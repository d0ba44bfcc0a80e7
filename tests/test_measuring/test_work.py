"""The parts of a training are counted as the runners do them."""

import pytest
from mmengine.config import Config

from mmsemi.measuring.savings import Change, changed, changes
from mmsemi.measuring.work import checkpoint_bytes, count_work
from mmsemi.registry import MODELS
from tests.helpers.tools import TINY


@pytest.fixture
def cfg():
    cfg = Config.fromfile(TINY)
    cfg.train_cfg = dict(max_epochs=10, val_interval=4)
    return cfg


def test_epochs_and_iterations(cfg):
    """An epoch of 9 unlabeled images has 4 steps of 2; epoch 10 is validated, too."""
    assert count_work(cfg, 3, 9) == (40, 3, 0, 1)
    cfg.train_cfg = dict(max_iters=100, val_interval=50)
    assert count_work(cfg, 3, 9) == (100, 2, 0, 1)
    cfg.val_dataloader = None
    assert count_work(cfg, 3, 9).validations == 0


def test_self_training_is_three_trainings_and_labels(cfg):
    """3 labeled images twice; with 4 and with all 8 pseudo-labels."""
    cfg.runner_type = 'SelfTrainingRunner'
    cfg.self_training = dict(shares=(0.5, 1), scales=(1.0,))
    work = count_work(cfg, 3, 8)
    assert work.steps == 10 * (6 // 2 + (2 * 3 + 4) // 2 + (3 * 3 + 8) // 2)
    assert work.trainings == 3 and work.validations == 9
    assert work.predictions == 8 * 2 + 8 * 3  # mirrored; and three snapshots rank
    cfg.self_training = dict(shares=(1,), scales=(1.0,), supervised_epochs=2)
    assert count_work(cfg, 3, 8).steps == 2 * 3 + 10 * 8


def test_disk_counts_checkpoints_momentum_and_teacher(cfg):
    """Two kept and one being written, and the best."""
    model = MODELS.build(cfg.model)
    weights = sum(t.nbytes for t in model.state_dict().values())
    momentum = sum(p.nbytes for p in model.parameters())
    work = count_work(cfg, 3, 9)
    assert checkpoint_bytes(cfg, model, work) == 4 * weights + 3 * momentum
    cfg.custom_hooks = [dict(type='EMATeacherHook')]
    assert checkpoint_bytes(cfg, model, work) == 8 * weights + 3 * momentum
    cfg.default_hooks.checkpoint = dict(interval=5, save_optimizer=True)
    assert checkpoint_bytes(cfg, model, work) == 2 * (2 * weights + momentum)


def test_proposed_settings_build_the_network_they_name(cfg):
    """Each change takes effect; none is proposed that the config already has."""
    proposed = {change.what: change for change in changes(cfg, gpu=True)}
    assert set(proposed) == {
        'output stride 32',
        'EfficientNet-Lite0 as backbone',
        'mixed precision',
    }
    strided = changed(cfg, proposed['output stride 32'])
    assert MODELS.build(strided.model).backbone.layer4[0].conv1.stride == (2, 2)
    assert 'output stride 32' not in {c.what for c in changes(strided, gpu=False)}
    small = changed(cfg, proposed['EfficientNet-Lite0 as backbone'])
    model = MODELS.build(small.model)
    assert type(model.backbone).__name__ == 'EfficientNetLite'
    assert model.num_classes == 4 and type(model).__name__ == 'RankMatch'
    cropped = changed(cfg, Change('', dict(crop_size=65)))
    pipeline = cropped.train_dataloader.dataset.labeled_pipeline
    assert [t.crop_size for t in pipeline if 'crop_size' in t] == [(65, 65)]


def test_config_of_own_data_is_written_with_another_backbone(cfg, tmp_path):
    """By one command, since `init` has a record of the files."""

    def cure():
        mine = Config.fromfile(file)
        return {change.what: change.how for change in changes(mine, gpu=False)}[
            'EfficientNet-Lite0 as backbone'
        ]

    file = tmp_path / 'unimatch_v2_r50.py'
    file.write_text(f'_base_ = {str(TINY)!r}')
    assert 'deeplabv3plus_lite0.py' in cure()
    (tmp_path / 'preparation.json').touch()
    assert cure() == (
        f'mmsemi init --out {tmp_path} --method unimatch_v2 --backbone lite0'
    )
