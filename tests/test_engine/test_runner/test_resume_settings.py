"""A run that is resumed with other settings has the schedule of a straight run."""

import pytest
import torch
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS, RUNNERS
from mmsemi.utils.checkpoint import read_checkpoint
from tests.helpers.runs import make_config
from tests.stress import resume_points  # noqa: F401  registers EndAt

EPOCHS = 'train_cfg.max_epochs'
BATCH = 'total_batch_size'
STEPS = 'optim_wrapper.accumulative_counts'
EVERY = {'default_hooks.checkpoint.by_epoch': False}
# Five unlabeled images: 2 steps in an epoch of batches of 2.
BY_ITER = dict(type='IterBasedTrainLoop', max_iters=6, val_interval=3)


@HOOKS.register_module()
class NoteRates(Hook):
    """Note the settings of the optimizer in every step."""

    priority = 'HIGHEST'
    steps: dict = {}

    def before_train_iter(self, runner, *args, **kwargs):
        NoteRates.steps[runner.iter] = [
            {key: value for key, value in group.items() if key != 'params'}
            for group in runner.optim_wrapper.param_groups
        ]


@pytest.fixture(scope='module')
def train(tiny_data, plain_configs, tmp_path_factory):
    """Train a network without validation; return the optimizer's settings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(folder, end=None, resume=False, hooks=(), **changes):
        NoteRates.steps = {}
        hooks = [dict(type='NoteRates'), *hooks]
        if end:
            hooks.append(dict(type='EndAt', point='after_train_iter', time=end))
        cfg = make_config(
            changes.pop('method', 'supervised'),
            tiny_data,
            folder,
            custom_hooks=hooks,
            resume=resume,
            val_cfg=None,
            val_dataloader=None,
            val_evaluator=None,
            **{'default_hooks.checkpoint.save_best': None, **EVERY, **changes},
        )
        runner = RUNNERS.build(cfg)
        lines = []
        runner.logger.warning = lines.append
        if end:
            with pytest.raises(KeyboardInterrupt):
                runner.train()
        else:
            runner.train()
        return NoteRates.steps, lines

    yield run
    torch.set_num_threads(threads)


def lists(*schedulers):
    return dict(param_scheduler=list(schedulers))


def warm_up(**changes):
    return lists(
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=2),
        dict(type='PolyLR', begin=2, by_epoch=False, power=0.9, **changes),
    )


STEPWISE = lists(dict(type='MultiStepLR', milestones=[1, 2], gamma=0.5))
COSINE = lists(dict(type='CosineAnnealingLR', convert_to_iter_based=True))
ONE_CYCLE = lists(dict(type='OneCycleLR', eta_max=0.1, by_epoch=False))


@pytest.mark.parametrize(
    ('first', 'end', 'then', 'start'),
    [
        # Settings at first, when it is killed, settings then, first step then.
        ({}, 3, {EPOCHS: 5}, 3),
        ({EPOCHS: 5}, 3, {EPOCHS: 2}, 3),
        ({}, 3, {BATCH: 4}, 1),  # an epoch that had begun: its next sample
        ({}, 2, {BATCH: 4}, 1),
        ({BATCH: 4}, 2, {}, 4),
        ({BATCH: 4}, 2, {BATCH: 4, STEPS: 2}, 4),
        ({BATCH: 4, STEPS: 2}, 4, {BATCH: 4, EPOCHS: 4}, 2),
        ({}, 3, {'optim_wrapper.optimizer.lr': 0.02}, 3),
        ({}, 3, {'optim_wrapper.optimizer.weight_decay': 0.5}, 3),
        (warm_up(), 3, {**warm_up(), EPOCHS: 5}, 3),
        ({}, 3, warm_up(), 3),
        (STEPWISE, 5, {**STEPWISE, BATCH: 4, EPOCHS: 4}, 2),
        (COSINE, 3, {**COSINE, EPOCHS: 5}, 3),
        (ONE_CYCLE, 3, {**ONE_CYCLE, EPOCHS: 5}, 3),
        (dict(param_scheduler=None), 3, {}, 3),
        ({}, 3, dict(param_scheduler=None), 3),
        (dict(train_cfg=BY_ITER), 4, dict(train_cfg={**BY_ITER, 'max_iters': 9}), 3),
        (dict(train_cfg=BY_ITER), 4, {'train_cfg': BY_ITER, BATCH: 4}, 3),
        ({}, 5, dict(train_cfg={**BY_ITER, 'max_iters': 9}), 5),
        (dict(train_cfg=BY_ITER), 4, {EPOCHS: 4}, 3),
    ],
)
def test_follows_the_schedule_of_a_straight_run(
    first, end, then, start, train, tmp_path
):
    train(tmp_path / 'killed', end, **first)
    resumed, lines = train(tmp_path / 'killed', resume=True, **then)
    straight, _ = train(tmp_path / 'straight', **then)
    assert resumed == {i: straight[i] for i in range(start, len(straight))}
    assert sum('settings of the schedule' in line for line in lines) == 1


def test_unchanged_settings_are_restored_without_a_word(train, tmp_path):
    train(tmp_path / 'killed', 3)
    resumed, lines = train(tmp_path / 'killed', resume=True)
    assert min(resumed) == 3
    assert not [line for line in lines if 'settings' in line or 'epoch' in line]


def test_a_finished_run_says_so(train, tmp_path):
    train(tmp_path / 'run')
    resumed, lines = train(tmp_path / 'run', resume=True)
    assert not resumed
    assert sum('This run is finished' in line for line in lines) == 1
    resumed, lines = train(tmp_path / 'run', resume=True, **{EPOCHS: 4})
    assert sorted(resumed) == [6, 7]
    assert not any('run is finished' in line for line in lines)


def test_at_the_end_of_an_epoch_no_sample_is_left_out(train, tmp_path):
    """Six steps of 2 samples are as far as three of 4, and not inside an epoch."""
    whole = {'default_hooks.checkpoint.by_epoch': True}
    train(tmp_path / 'run', **whole)
    resumed, _ = train(tmp_path / 'run', resume=True, **{**whole, BATCH: 4, EPOCHS: 5})
    assert sorted(resumed) == [3, 4]


@pytest.mark.parametrize(
    ('first', 'then', 'message'),
    [
        ({}, {EPOCHS: 1}, r'iteration 4, past the end of train_cfg.max_epochs=1'),
        (
            dict(train_cfg=BY_ITER),
            dict(train_cfg={**BY_ITER, 'max_iters': 2}),
            r'past the end of train_cfg.max_iters=2 .* Raise max_iters',
        ),
        (
            {},
            {'optim_wrapper.optimizer': dict(type='AdamW', lr=0.01, _delete_=True)},
            r'another optimizer than AdamW, without .*betas.* load_from',
        ),
        (
            {},
            {'optim_wrapper.constructor': 'DefaultOptimWrapperConstructor'},
            r'groups of \[66, 29\] parameters, that of the config \[1, 1',
        ),
    ],
)
def test_refuses_what_cannot_be_followed(first, then, message, train, tmp_path):
    train(tmp_path / 'run', 4, **first)
    with pytest.raises(ValueError, match=message):
        train(tmp_path / 'run', resume=True, **then)


def test_a_schedule_by_scores_may_be_longer_but_not_another(train, tmp_path):
    def plateau(**changes):
        return lists(dict(type='ReduceOnPlateauLR', monitor='loss', **changes))

    train(tmp_path / 'run', 3, **plateau())
    with pytest.raises(ValueError, match='depends on the scores.*factor 0.1, now 0.5'):
        train(tmp_path / 'run', resume=True, **plateau(factor=0.5))
    resumed, _ = train(tmp_path / 'run', 2, resume=True, **plateau(), **{EPOCHS: 5})
    assert min(resumed) == 3
    (state,) = read_checkpoint(tmp_path / 'run/iter_5.pth')['param_schedulers']
    assert state['end'] == 5


def test_methods_see_the_new_length(train, tmp_path):
    @HOOKS.register_module(force=True)
    class NoteLength(Hook):
        priority = 'LOWEST'
        seen: set = set()

        def after_train_iter(self, runner, *args, **kwargs):
            NoteLength.seen.add(runner.model.guidance.max_epochs)

    train(tmp_path / 'run', 3, method='prevmatch_ema')
    note = [dict(type='NoteLength')]
    train(tmp_path / 'run', None, True, note, method='prevmatch_ema', **{EPOCHS: 4})
    assert NoteLength.seen == {4}
