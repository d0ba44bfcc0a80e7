"""NonFiniteHook ends a run at a loss that is not finite, or skips the step."""

import os.path as osp
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from mmsemi.engine import AutocastOptimWrapper, NonFiniteHook
from mmsemi.engine.hooks.batch_files import files_of_step
from mmsemi.registry import HOOKS
from tests.helpers.runs import run_logged as run
from tests.helpers.runs import said

SKIP = 'default_hooks.health.skip_nonfinite'


@HOOKS.register_module(force=True)
class RecordFiles(Hook):
    """Record, for each step, the files loaded and those found afterwards."""

    steps = []

    def before_train(self, runner):
        self.loaded = []
        for part in runner.train_dataloader.dataset.parts:
            part.pipeline = self.recording(part.pipeline)

    def recording(self, pipeline):
        def recorded(info):
            self.loaded.append(info['img_path'])
            return pipeline(info)

        return recorded

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        RecordFiles.steps.append((list(self.loaded), files_of_step(runner)))
        self.loaded.clear()


def test_nonfinite_loss_ends_the_run(tiny_cfg):
    with pytest.raises(FloatingPointError) as error:
        run(tiny_cfg, dict(type='Spoil', step=2, loss_fp='nan'))
    message = str(error.value)
    assert 'loss of step 2 is not finite' in message
    assert 'loss_fp=nan' in message and 'loss_sup=nan' not in message
    assert 'images/train/' in message
    assert not osp.exists(osp.join(tiny_cfg.work_dir, 'epoch_1.pth'))


def test_nonfinite_steps_are_skipped_and_counted(tiny_cfg):
    spoil = dict(type='Spoil', step=1, loss_fp='nan')
    runner, lines = run(tiny_cfg, spoil, **{SKIP: 1})
    assert said(lines, 'The step is skipped') == 1
    skipped = runner.message_hub.get_scalar('train/skipped_steps')
    assert skipped.data[0].tolist() == [1, 1]
    assert all(p.isfinite().all() for p in runner.model.state_dict().values())


def test_a_skipped_step_changes_no_weight(tiny_cfg):
    start = {}

    @HOOKS.register_module(name='Start', force=True)
    class Start(Hook):
        def before_train(self, runner):
            start.update({k: v.clone() for k, v in runner.model.named_parameters()})

    spoil = dict(type='Spoil', loss_fp='nan')
    runner, _ = run(tiny_cfg, dict(type='Start'), spoil, **{SKIP: 2})
    for name, value in runner.model.named_parameters():
        assert torch.equal(value, start[name]), name


def test_steps_that_a_gradient_scaler_leaves_out_are_not_counted():
    weight = torch.nn.Parameter(torch.ones(3))
    optim = AutocastOptimWrapper(
        'float16', optimizer=torch.optim.SGD([weight], lr=0.1, fused=True)
    )
    hook = NonFiniteHook(max_skipped=1)
    hook.before_train(SimpleNamespace(optim_wrapper=optim))
    for factor, expected in ((torch.inf, 1.0), (1.0, 0.9)):
        optim.update_params((factor * weight).sum())
        assert weight.tolist() == pytest.approx([expected] * 3)
    assert hook.skipped == 0


def test_more_than_may_be_skipped(tiny_cfg):
    with pytest.raises(RuntimeError, match='2 steps were skipped'):
        run(tiny_cfg, dict(type='Spoil', loss_fp='nan'), **{SKIP: 1})


def test_files_are_those_that_were_loaded(tiny_cfg):
    """Inside an epoch, also after a resume in the middle of one."""
    RecordFiles.steps.clear()
    tiny_cfg.default_hooks.checkpoint.update(by_epoch=False)
    run(tiny_cfg, dict(type='RecordFiles'), epochs=2)
    assert len(RecordFiles.steps) == 4
    for loaded, found in RecordFiles.steps:
        # A partner that nothing is taken from is not loaded.
        assert loaded and not Counter(loaded) - Counter(found)
    whole = [found for _, found in RecordFiles.steps]
    RecordFiles.steps.clear()
    run(
        tiny_cfg,
        dict(type='RecordFiles'),
        epochs=2,
        resume=True,
        load_from=osp.join(tiny_cfg.work_dir, 'iter_3.pth'),
    )
    assert [found for _, found in RecordFiles.steps] == whole[3:]


def test_files_of_a_loop_that_repeats_steps_are_not_named(tiny_cfg):
    """Its step counter does not match its epoch."""

    @HOOKS.register_module(name='Rewind', force=True)
    class Rewind(Hook):
        def after_train(self, runner):
            loop = runner.train_loop
            for epoch, step in ((4, 0), (0, 99)):
                stand_in = SimpleNamespace(
                    train_dataloader=runner.train_dataloader,
                    train_loop=loop,
                    epoch=epoch,
                    iter=step,
                )
                assert files_of_step(stand_in) == []

    run(tiny_cfg, dict(type='Rewind'))


@pytest.mark.parametrize('own', [False, True])
def test_there_is_only_one_non_finite_hook(tiny_cfg, own):
    """HealthHook adds one only to a config without one."""
    if own:
        tiny_cfg.default_hooks.nonfinite = dict(type='NonFiniteHook', max_skipped=3)
    runner, _ = run(tiny_cfg, **({} if own else {SKIP: 3}))
    (hook,) = [h for h in runner.hooks if isinstance(h, NonFiniteHook)]
    assert hook.max_skipped == 3


def test_two_settings_for_it_are_refused(tiny_cfg):
    tiny_cfg.default_hooks.nonfinite = dict(type='NonFiniteHook')
    with pytest.raises(ValueError, match='set its max_skipped'):
        run(tiny_cfg, **{SKIP: 3})
