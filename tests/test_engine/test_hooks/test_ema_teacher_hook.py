"""EMATeacherHook averages the student, lends and saves the average."""

import json
import logging
from types import SimpleNamespace

import pytest
import torch

from mmsemi.engine.hooks import EMATeacherHook, teacher_checkpoint
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny
from tests.helpers import tools

HOOK = dict(type='EMATeacherHook', evaluate=True)


def started(method='PrevMatch', **kwargs):
    hook = EMATeacherHook(**kwargs)
    runner = SimpleNamespace(
        model=MODELS.build(tiny.network(type=method)),
        optim_wrapper=SimpleNamespace(should_update=lambda: True),
        logger=logging.getLogger(__name__),
    )
    hook.before_run(runner)
    return hook, runner


def random_steps(hook, runner, num):
    """Change the weights at random for ``num`` steps; return each step's state."""
    states = []
    for _ in range(num):
        with torch.no_grad():
            for tensor in runner.model.state_dict().values():
                if tensor.is_floating_point():
                    tensor.add_(torch.rand_like(tensor))
        hook.after_train_iter(runner, 0)
        states.append({k: v.clone() for k, v in runner.model.state_dict().items()})
    return states


@pytest.mark.parametrize('buffers', ['average', 'copy'])
def test_average(buffers):
    """The decay is min(1 - 1 / (iter + 1), max), below and above the maximum."""
    hook, runner = started(max_decay=0.8, buffers=buffers)
    states = random_steps(hook, runner, 9)
    names = {name for name, _ in runner.model.named_parameters()}
    for key, teacher in hook.teacher.state_dict().items():
        if not teacher.is_floating_point():
            continue
        expected = torch.zeros_like(teacher)
        for i, state in enumerate(states):
            decay = min(1 - 1 / (i + 1), 0.8)
            expected = decay * expected + (1 - decay) * state[key]
        if buffers == 'copy' and key not in names:
            expected = states[-1][key]
        torch.testing.assert_close(teacher, expected)


def test_steps_that_update_nothing_do_not_count():
    hook, runner = started()
    random_steps(hook, runner, 1)
    kept = {k: v.clone() for k, v in hook.average.state_dict().items()}
    runner.optim_wrapper.should_update = lambda: False
    random_steps(hook, runner, 1)
    for key, tensor in hook.average.state_dict().items():
        assert torch.equal(tensor, kept[key])
    runner.optim_wrapper.should_update = lambda: True
    random_steps(hook, runner, 1)
    assert hook.average.steps == 2


def test_teacher_is_no_part_of_the_student():
    stock = MODELS.build(tiny.network(type='UniMatch'))
    hook, runner = started()
    assert list(runner.model.state_dict()) == list(stock.state_dict())
    assert not any(p.requires_grad for p in hook.teacher.parameters())
    assert not hook.teacher.training


def test_methods_without_guidance_are_left_alone():
    hook, runner = started('UniMatch')
    random_steps(hook, runner, 1)
    assert runner.model.guidance is None


@pytest.mark.parametrize(
    'wrong', [dict(max_decay=1.0), dict(max_decay=0), dict(buffers='forget')]
)
def test_options_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EMATeacherHook(**wrong)


def test_checkpoint_without_teacher():
    with pytest.raises(ValueError, match='EMATeacherHook'):
        teacher_checkpoint(dict(meta={}, state_dict={}))


@pytest.fixture(scope='module')
def whole(train):
    return train('ema', HOOK, guidance='ema')


def test_guides_the_training(whole):
    for step, log in whole.losses.items():
        assert log['prev_models'] == 1
        assert log['prev_weight'] == [0, 0.5, 1, 0.5][step // 2]
        assert (log['loss_prev_strong'] > 0) == (step >= 2)


def test_validated_beside_the_student(train, whole):
    """The student's losses and scores are as without validating the teacher."""
    rows = json.loads((whole.folder / 'results.json').read_text())
    assert len(rows) == 4
    assert whole.runner.message_hub.get_scalar('val/teacher_mIoU')
    alone = train('ema_alone', dict(HOOK, evaluate=False), guidance='ema')
    assert alone.losses == whole.losses
    own = json.loads((alone.folder / 'results.json').read_text())
    for row, row_alone in zip(rows, own, strict=True):
        assert row_alone.keys() < row.keys()
        for name, scores in row_alone.pop('classes').items():
            assert scores.items() < row['classes'][name].items()
            assert 'teacher_IoU' in row['classes'][name]
        assert row_alone.items() < row.items()
    assert any(row['teacher_mIoU'] != row['mIoU'] for row in rows)


def test_exported_teacher_scores_as_it_did(train, whole):
    out = whole.folder / 'teacher.pth'
    tools.run('python', 'tools/export_teacher.py', whole.folder / 'epoch_4.pth', out)
    exported = torch.load(out, weights_only=False)['state_dict']
    assert exported.keys() == whole.runner.model.state_dict().keys()
    for key, tensor in whole.hook.teacher.state_dict().items():
        assert torch.equal(exported[key], tensor)
    whole.runner.load_checkpoint(str(out))
    scores = whole.runner.test()
    rows = json.loads((whole.folder / 'results.json').read_text())
    assert scores['mIoU'] == rows[-1]['teacher_mIoU']


def test_export_names_the_file(train, whole):
    no_teacher = whole.folder / 'teacher.pth'
    torch.save(dict(meta={}, state_dict={}), no_teacher)
    assert str(no_teacher) in tools.run(
        'python',
        'tools/export_teacher.py',
        no_teacher,
        whole.folder / 'out.pth',
        ok=False,
    )


@pytest.mark.parametrize('often', [False, True])
def test_resumed_run_continues_as_if_uninterrupted(train, whole, often):
    changes = (
        dict(default_hooks=dict(checkpoint=dict(by_epoch=False, interval=1)))
        if often
        else {}
    )
    train(f'ema_{often}', HOOK, guidance='ema', kill=('after_train_iter', 5), **changes)
    resumed = train(f'ema_{often}', HOOK, guidance='ema', resume=True, **changes)
    assert min(resumed.losses) == (5 if often else 4)
    for step, losses in resumed.losses.items():
        assert losses == whole.losses[step]
    for key, tensor in whole.hook.teacher.state_dict().items():
        assert torch.equal(resumed.hook.teacher.state_dict()[key], tensor)
