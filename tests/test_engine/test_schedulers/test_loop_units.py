"""Training by iterations needs train_cfg alone."""

import json
import re

import pytest
from mmengine.config import Config

from mmsemi.engine.schedulers import follow_loop
from mmsemi.registry import RUNNERS
from tests.helpers.runs import make_config
from tests.helpers.tools import TINY

BY_ITER = dict(type='IterBasedTrainLoop', max_iters=6, val_interval=2)


def units(cfg):
    hooks = cfg.default_hooks
    return [
        cfg.log_processor.get('by_epoch'),
        hooks.checkpoint.get('by_epoch'),
        hooks.checkpoint.interval,
        hooks.logger.get('log_metric_by_epoch'),
    ]


@pytest.fixture
def cfg():
    return Config.fromfile(TINY)


def test_settings_count_iterations(cfg):
    cfg.train_cfg = dict(BY_ITER)
    cfg.param_scheduler = [dict(type='PolyLR'), dict(type='ReduceOnPlateauLR')]
    assert units(follow_loop(cfg)) == [False, False, 2, False]
    assert cfg.param_scheduler[0].by_epoch is False
    assert 'by_epoch' not in cfg.param_scheduler[1]
    assert units(follow_loop(cfg)) == [False, False, 2, False]


def test_settings_count_epochs(cfg):
    assert units(follow_loop(cfg)) == [None, None, 1, None]


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        # --cfg-options on a config whose base has epochs.
        (
            {
                'train_cfg.type': 'IterBasedTrainLoop',
                'train_cfg.max_iters': 8,
                'train_cfg.val_interval': 4,
            },
            dict(type='IterBasedTrainLoop', max_iters=8, val_interval=4),
        ),
        (
            {'train_cfg.by_epoch': False, 'train_cfg.max_iters': 8},
            dict(type='IterBasedTrainLoop', max_iters=8),
        ),
        (
            {'train_cfg': dict(by_epoch=False, max_iters=8, _delete_=True)},
            dict(by_epoch=False, max_iters=8),
        ),
        (
            {'train_cfg.type': 'mmengine.IterBasedTrainLoop', 'train_cfg.max_iters': 8},
            dict(type='mmengine.IterBasedTrainLoop', max_iters=8),
        ),
    ],
)
def test_an_inherited_length_in_epochs_is_dropped(options, expected, cfg):
    cfg.merge_from_dict(options)
    assert follow_loop(cfg).train_cfg == expected
    assert cfg.log_processor.by_epoch is False


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'train_cfg.max_iters': 8}, 'max_iters=8.*EpochBasedTrainLoop counts epochs'),
        (
            {'train_cfg.type': 'IterBasedTrainLoop'},
            'needs train_cfg.max_iters, .* instead of max_epochs=2',
        ),
        (
            {'train_cfg': dict(type='EpochBasedTrainLoop', _delete_=True)},
            'needs train_cfg.max_epochs',
        ),
        (
            {
                'train_cfg': dict(BY_ITER, _delete_=True),
                'log_processor.by_epoch': True,
                'default_hooks.checkpoint.by_epoch': True,
                'default_hooks.logger.log_metric_by_epoch': True,
                'param_scheduler': [dict(type='PolyLR', by_epoch=True)],
            },
            'count epochs.*: log_processor.by_epoch=True, '
            'default_hooks.checkpoint.by_epoch=True, '
            'default_hooks.logger.log_metric_by_epoch=True, '
            r'param_scheduler\[0\].by_epoch=True. Set them to False',
        ),
    ],
)
def test_refuses_a_length_or_setting_in_the_other_unit(options, message, cfg):
    cfg.merge_from_dict(options)
    with pytest.raises(ValueError, match=message):
        follow_loop(cfg)


def test_a_run_counts_iterations(tiny_data, tmp_path):
    cfg = make_config('supervised', tiny_data, tmp_path, train_cfg=dict(BY_ITER))
    cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    runner = RUNNERS.build(cfg)
    runner.train()
    (scheduler,) = runner.param_schedulers
    assert (scheduler.begin, scheduler.end) == (0, 6)
    log = next(tmp_path.glob('*/*.log')).read_text()
    rates = re.findall(r'Iter\(train\) \[([1-6])/6\] .* lr: (\S+)', log)
    assert rates == [(str(i + 1), f'{1e-3 * (1 - i / 6) ** 0.9:.4e}') for i in range(6)]
    assert log.count('Iter(val) [3/3]    val/aAcc') == 3
    assert 'last' in log and f'(iteration {runner.iter})' in log
    saved = sorted(p.name for p in tmp_path.glob('iter_*.pth'))
    assert saved == ['iter_4.pth', 'iter_6.pth']
    assert len([*tmp_path.glob('best_mIoU_iter_*.pth')]) == 1
    scalars = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    rows = [json.loads(line) for line in scalars.splitlines()]
    steps = [row['step'] for row in rows if 'pseudo/coverage' not in row]
    assert steps == [1, 2, 2, 3, 4, 4, 5, 6, 6]


@pytest.mark.parametrize(
    ('schedule', 'begin', 'end'),
    [
        # In epochs of 2 iterations, converted.
        (dict(type='PolyLR', begin=1, convert_to_iter_based=True), 2, 7),
        (dict(type='PolyLR', begin=1, end=3, convert_to_iter_based=True), 2, 6),
        (dict(type='PolyLR', begin=1), 1, 7),
    ],
)
def test_schedules_end_with_the_training(schedule, begin, end, tiny_data, tmp_path):
    cfg = make_config(
        'supervised',
        tiny_data,
        tmp_path,
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=7),
        param_scheduler=[schedule],
    )
    runner = RUNNERS.build(cfg)
    runner.train()
    (scheduler,) = runner.param_schedulers
    assert (scheduler.begin, scheduler.end) == (begin, end)
