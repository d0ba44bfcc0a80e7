"""HealthHook warns about each problem that raises no error."""

import inspect
import itertools
import logging
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub

from mmsemi.engine import HealthHook
from mmsemi.models import SemiSegmentor
from mmsemi.registry import HOOKS, MODELS
from tests.helpers import networks as tiny
from tests.helpers.runs import MODELS as METHODS
from tests.helpers.runs import run_logged as run
from tests.helpers.runs import said

NUMBER = itertools.count()


@pytest.fixture
def cfg(tiny_cfg):
    tiny_cfg.default_hooks.health = dict(type='HealthHook', interval=1, patience=2)
    return tiny_cfg


@pytest.mark.parametrize(
    'values, text',
    [
        (dict(mask_ratio=0), 'No pixel of the pseudo-labels is confident'),
        (dict(mask_ratio=1), 'Every pixel of the pseudo-labels is confident'),
        (dict(loss_rank=0), "loss_rank is exactly 0 .*similarity='cosine'"),
    ],
)
def test_dead_terms_and_extreme_thresholds_are_warned_about(cfg, values, text):
    runner, lines = run(cfg, dict(type='Spoil', **values), epochs=2)
    assert sum(bool(re.search(text, line)) for line in lines) == 1
    for name, value in values.items():
        logged = runner.message_hub.get_scalar(f'train/{name}')
        assert set(logged.data[0]) == {value}


def warnings_for(model, *logs):
    """Return the warnings so far after each of several logs of a step."""
    hook, lines = HealthHook(interval=1, patience=1), []
    runner = SimpleNamespace(
        message_hub=MessageHub.get_instance(f'symptoms_{next(NUMBER)}'),
        model=model,
        hooks=[],
        iter=0,
        logger=SimpleNamespace(warning=lines.append),
    )
    said_after = []
    for log in logs:
        runner.message_hub.update_scalars({f'train/{k}': v for k, v in log.items()})
        hook.after_train_iter(runner, 0)
        said_after.append(list(lines))
    return said_after


def test_prevmatch_terms_are_dead_only_with_a_previous_model():
    model = MODELS.build(tiny.network(type='PrevMatch'))
    without, guided = warnings_for(
        model,
        dict(loss_prev_fp=0.0, prev_weight=0.0),
        dict(loss_prev_fp=0.0, prev_weight=0.5),
    )
    assert without == []
    (line,) = guided
    assert 'loss_prev_fp is exactly 0' in line and 'prev_conf_thresh' in line


def test_a_new_methods_terms_need_no_entry():
    """They are watched whatever their names are."""

    class New(SemiSegmentor):
        pass

    model = New.__new__(New)
    torch.nn.Module.__init__(model)
    ((line,),) = warnings_for(model, dict(loss_prev_new=0.0, loss_sup=1.0))
    assert 'loss_prev_new is exactly 0 and has no effect: raise its weight' in line
    ((line,),) = warnings_for(model, dict(loss_prev_new=0.0, mask_ratio=0.0))
    assert 'No pixel of the pseudo-labels is confident' in line


@pytest.mark.parametrize('method', METHODS)
def test_symptoms_name_what_the_method_logs_and_has(method):
    """Otherwise, renaming a term or setting would silently disable its warning."""
    config = METHODS[method]
    cls = MODELS.get(config['type'])
    logged = re.search(r'return dict\((.*)\)', inspect.getsource(cls.loss), re.S)[1]
    settings = inspect.signature(cls.__init__).parameters
    for symptom in cls.symptoms:
        if method == 'supervised':
            continue  # has no pseudo-labels, and logs no share of them
        for name in filter(None, (symptom.name, symptom.scale)):
            assert f'{name}=' in logged
        (setting,) = set(re.findall(r'model\.(\w+)', symptom.warning)) - {
            'thresh_momentum'
        }
        assert setting in settings


def test_a_healthy_run_causes_no_warning(cfg):
    _, lines = run(cfg)
    for text in ('No pixel', 'has no effect', 'identical', 'diverged'):
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
    assert said(lines, "of these classes: 'disc', 'box', 'bar'. Check") == 1
    assert not said(lines, "Class 'ground'")
    unpredicted = runner.message_hub.get_scalar('val/unpredicted_classes')
    assert unpredicted.data[0].tolist() == [3, 3]


class TestClassesThatNeverBecomeConfident:
    """Class a is confident, b never is, c is late, d is never predicted."""

    def warnings(self, checks, max_iters, method='UniMatch', late=3):
        lines = []
        metainfo = dict(classes=('a', 'b', 'c', 'd'))
        dataset = SimpleNamespace(metainfo=metainfo)
        runner = SimpleNamespace(
            train_dataloader=SimpleNamespace(dataset=dataset),
            model=MODELS.get(method),
            max_iters=max_iters,
            logger=SimpleNamespace(warning=lines.append),
        )
        hook = HealthHook(interval=50, patience=2)
        label, valid = torch.tensor([[0, 1, 2, 3]]), torch.tensor([[1, 1, 1, 0]]).bool()
        for i in range(checks):
            kept = torch.tensor([[True, False, i >= late, False]])
            hook._check_confidence(runner, label, valid, kept)
        return lines

    def test_they_are_named_once_with_the_switch(self):
        unsure, absent = self.warnings(checks=6, max_iters=800)
        assert '150 steps' not in unsure and '200 steps' in unsure
        assert "teach them: 'b'. Lower model.conf_thresh" in unsure
        assert "classes: 'd'. Check that the labeled list" in absent

    def test_not_before_a_quarter_of_the_training(self):
        assert not self.warnings(checks=6, max_iters=1300)
        unsure, _ = self.warnings(checks=6, max_iters=1200, late=9)
        assert "teach them: 'b', 'c'. Lower" in unsure

    def test_each_method_names_its_own_switch(self):
        unsure, _ = self.warnings(checks=6, max_iters=800, method='CorrMatch')
        assert 'Lower model.thresh_init' in unsure


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
                for own, other in zip(
                    runner.model.parameters(), teacher.parameters(), strict=True
                ):
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

    def score(value):
        hook.before_val_epoch(runner)
        hook.after_val_epoch(runner, dict(mIoU=value))

    score(80.0)
    score(41.0)
    assert not said(lines, 'has diverged')
    score(39.0)
    assert said(lines, 'mIoU is 39.00 after 80.00: the training has diverged')
    share = runner.message_hub.get_scalar('val/share_of_best')
    assert share.data[0][-2:].tolist() == [41 / 80, 39 / 80]
    score(float('nan'))
    assert said(lines, 'mIoU is not a number')
