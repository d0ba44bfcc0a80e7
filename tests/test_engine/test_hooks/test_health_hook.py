"""Each thing that may go wrong silently, made to go wrong."""

import copy
import itertools
import logging
import os.path as osp
import re
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub

from mmsemi.engine import AutocastOptimWrapper, HealthHook, SemiRunner
from mmsemi.engine.hooks.batch_files import files_of_step
from mmsemi.registry import HOOKS
from tests.helpers.tools import TINY

NUMBER = itertools.count()


@HOOKS.register_module(force=True)
class Spoil(Hook):
    """Makes the method's losses something else, or a step's alone."""

    def __init__(self, step=None, **values):
        self.step, self.values = step, values

    def before_train(self, runner):
        model, loss = runner.model, runner.model.loss

        def spoiled(*args, **kwargs):
            losses = loss(*args, **kwargs)
            if self.step is None or runner.iter + 1 == self.step:
                for name, value in self.values.items():
                    losses[name] = (
                        losses[name] * float(value)
                        if value == 'nan'
                        else losses[name] * 0 + value
                    )
            return losses

        model.loss = spoiled


@HOOKS.register_module(force=True)
class RecordFiles(Hook):
    """What the data set has loaded of each step, and what is looked up."""

    steps = []

    def before_train(self, runner):
        dataset = runner.train_dataloader.dataset
        locate, self.loaded = dataset._locate, []

        def recorded(stream, i):
            part, place = locate(stream, i)
            self.loaded.append(part.get_data_info(place)['img_path'])
            return part, place

        dataset._locate = recorded

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        loaded = list(self.loaded)
        RecordFiles.steps.append((loaded, files_of_step(runner)))
        self.loaded.clear()


@pytest.fixture
def cfg(tiny_data, tmp_path):
    cfg = Config.fromfile(TINY)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(tiny_data)
    cfg.work_dir = str(tmp_path)
    cfg.visualizer.vis_backends = []
    cfg.default_hooks.health = dict(type='HealthHook', interval=1, patience=2)
    return cfg


def run(cfg, *hooks, epochs=1, **changes):
    """Train; the runner and its warnings."""
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(dict({'train_cfg.max_epochs': epochs}, **changes))
    cfg.custom_hooks = list(hooks)
    cfg.experiment_name = f'health_{next(NUMBER)}'
    runner = SemiRunner.from_cfg(cfg)
    lines = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())
    runner.logger.addHandler(handler)
    runner.train()
    return runner, lines


def said(lines, text):
    return sum(text in line for line in lines)


def test_nonfinite_loss_ends_the_run(cfg):
    with pytest.raises(FloatingPointError) as error:
        run(cfg, dict(type='Spoil', step=2, loss_fp='nan'))
    message = str(error.value)
    assert 'loss of step 2 is not finite' in message
    assert 'loss_fp=nan' in message and 'loss_sup=nan' not in message
    assert 'images/train/' in message
    assert not osp.exists(osp.join(cfg.work_dir, 'epoch_1.pth'))


def test_nonfinite_steps_are_skipped_and_counted(cfg):
    spoil = dict(type='Spoil', step=1, loss_fp='nan')
    runner, lines = run(cfg, spoil, **{'default_hooks.health.skip_nonfinite': 1})
    assert said(lines, 'The step is skipped') == 1
    skipped = runner.message_hub.get_scalar('train/skipped_steps')
    assert skipped.data[0].tolist() == [1, 1]
    assert all(p.isfinite().all() for p in runner.model.state_dict().values())


def test_a_skipped_step_changes_no_weight(cfg):
    start = {}

    @HOOKS.register_module(name='Start', force=True)
    class Start(Hook):
        def before_train(self, runner):
            start.update({k: v.clone() for k, v in runner.model.named_parameters()})

    spoil = dict(type='Spoil', loss_fp='nan')
    runner, _ = run(
        cfg, dict(type='Start'), spoil, **{'default_hooks.health.skip_nonfinite': 2}
    )
    for name, value in runner.model.named_parameters():
        assert torch.equal(value, start[name]), name


def test_steps_that_a_gradient_scaler_leaves_out_are_not_counted():
    weight = torch.nn.Parameter(torch.ones(3))
    optim = AutocastOptimWrapper(
        'float16', optimizer=torch.optim.SGD([weight], lr=0.1, fused=True)
    )
    hook = HealthHook(skip_nonfinite=1)
    hook.before_train(SimpleNamespace(optim_wrapper=optim))
    for factor, expected in ((torch.inf, 1.0), (1.0, 0.9)):
        optim.update_params((factor * weight).sum())
        assert weight.tolist() == pytest.approx([expected] * 3)
    assert hook._skipped == 0


def test_more_than_may_be_skipped(cfg):
    with pytest.raises(RuntimeError, match='2 steps were skipped'):
        run(
            cfg,
            dict(type='Spoil', loss_fp='nan'),
            **{'default_hooks.health.skip_nonfinite': 1},
        )


@pytest.mark.parametrize(
    'values, text',
    [
        (dict(mask_ratio=0), 'No pixel of the pseudo-labels is confident'),
        (dict(mask_ratio=1), 'Every pixel of the pseudo-labels is confident'),
        (dict(loss_rank=0), "loss_rank is exactly 0 .*similarity='cosine'"),
    ],
)
def test_dead_parts(cfg, values, text):
    runner, lines = run(cfg, dict(type='Spoil', **values), epochs=2)
    assert sum(bool(re.search(text, line)) for line in lines) == 1
    for name, value in values.items():
        logged = runner.message_hub.get_scalar(f'train/{name}')
        assert set(logged.data[0]) == {value}


def test_prevmatch_terms_are_dead_only_with_a_previous_model(cfg):
    hook, model = HealthHook(interval=1, patience=1), torch.nn.Module()
    hub = MessageHub.get_instance(f'health_{next(NUMBER)}')
    lines = []
    runner = SimpleNamespace(
        message_hub=hub,
        model=model,
        hooks=[],
        iter=0,
        logger=SimpleNamespace(warning=lines.append),
    )
    for weight in (0.0, 0.5):
        hub.update_scalars({'train/loss_prev_fp': 0.0, 'train/prev_weight': weight})
        hook.after_train_iter(runner, 0)
        assert said(lines, 'loss_prev_fp is exactly 0') == (weight > 0)
    assert 'prev_conf_thresh' in lines[0]


def test_a_healthy_run_is_not_warned_of(cfg):
    _, lines = run(cfg)
    for text in ('No pixel', 'teaches nothing', 'identical', 'diverged'):
        assert not said(lines, text)


def test_collapse(cfg):
    @HOOKS.register_module(name='Collapse', force=True)
    class Collapse(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            seg = runner.model.decode_head.conv_seg
            with torch.no_grad():
                seg.bias.copy_(torch.tensor([99.0, 0, 0, 0]))

    runner, lines = run(cfg, dict(type='Collapse'), epochs=2)
    assert said(lines, 'pseudo-labels are of one class alone') == 1
    classes = runner.message_hub.get_scalar('train/pseudo_classes')
    assert set(classes.data[0]) == {1}
    for name in ('disc', 'box', 'bar'):
        assert said(lines, f"Class '{name}' is never predicted") == 1
    assert not said(lines, "Class 'ground'")
    unpredicted = runner.message_hub.get_scalar('val/unpredicted_classes')
    assert unpredicted.data[0].tolist() == [3, 3]


@pytest.mark.parametrize(
    'factor, text',
    [
        (1, 'EMA teacher is identical to its student'),
        (-1, 'EMA teacher is far from its student'),
    ],
)
def test_teacher(cfg, factor, text):
    @HOOKS.register_module(name='SetTeacher', force=True)
    class SetTeacher(Hook):
        def after_train_iter(self, runner, **kwargs):
            teacher = next(
                h for h in runner.hooks if type(h).__name__ == 'EMATeacherHook'
            ).teacher
            with torch.no_grad():
                for own, other in zip(runner.model.parameters(), teacher.parameters()):
                    other.copy_(factor * own)

    hooks = [dict(type='EMATeacherHook'), dict(type='SetTeacher', priority='HIGHEST')]
    runner, lines = run(cfg, *hooks)
    assert said(lines, text) == 1
    distance = runner.message_hub.get_scalar('train/teacher_distance')
    assert distance.data[0].tolist() == pytest.approx([1 - factor] * 2)


def test_score_far_below_its_best(cfg):
    runner, lines = run(cfg)
    assert not said(lines, 'has diverged')
    hook = next(h for h in runner.hooks if isinstance(h, HealthHook))
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())
    runner.logger.addHandler(handler)
    hook._look_at_score(runner, 80.0)
    hook._look_at_score(runner, 41.0)
    assert not said(lines, 'has diverged')
    hook._look_at_score(runner, 39.0)
    assert said(lines, 'mIoU is 39.00 after 80.00: the training has diverged')
    share = runner.message_hub.get_scalar('val/share_of_best')
    assert share.data[0][-2:].tolist() == [41 / 80, 39 / 80]
    hook._look_at_score(runner, float('nan'))
    assert said(lines, 'mIoU is not a number')


def test_files_are_those_that_were_loaded(cfg):
    """Inside epochs, after a resume in the middle of one too."""
    RecordFiles.steps.clear()
    cfg.default_hooks.checkpoint.update(by_epoch=False)
    run(cfg, dict(type='RecordFiles'), epochs=2)
    assert len(RecordFiles.steps) == 4
    for loaded, found in RecordFiles.steps:
        # A partner that nothing is taken from is not loaded.
        assert loaded and not Counter(loaded) - Counter(found)
    whole = [found for _, found in RecordFiles.steps]
    RecordFiles.steps.clear()
    run(
        cfg,
        dict(type='RecordFiles'),
        epochs=2,
        resume=True,
        load_from=osp.join(cfg.work_dir, 'iter_3.pth'),
    )
    assert [found for _, found in RecordFiles.steps] == whole[3:]
