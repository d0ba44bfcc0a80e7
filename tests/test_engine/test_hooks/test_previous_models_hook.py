"""PreviousModelsHook keeps the models that improved, lends and saves them."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import IterBasedTrainLoop

from mmsemi.engine.hooks import PreviousModelsHook
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny

HOOK = dict(type='PreviousModelsHook', max_models=2)


def started(**kwargs):
    """Return a hook, and a runner with what the hook needs."""
    hook = PreviousModelsHook(**kwargs)
    runner = SimpleNamespace(
        model=MODELS.build(tiny.network(type='PrevMatch')),
        epoch=0,
        iter=0,
        seed=0,
        max_epochs=9,
        val_loop=None,
        train_loop=SimpleNamespace(val_begin=1, val_interval=1),
        logger=logging.getLogger(__name__),
    )
    hook.before_run(runner)
    return hook, runner


def joined(hook, runner, scores):
    """Return the epochs before which a model joined, given each epoch's score."""
    epochs = []
    for score in [None, *scores]:
        if score is not None:
            runner.epoch += 1
            hook.after_val_epoch(runner, dict(mIoU=score))
        hook.before_train_epoch(runner)
        if hook.models and hook.models[-1].epoch == runner.epoch:
            epochs.append(runner.epoch)
    return epochs


def test_admits_what_improved_the_best():
    assert joined(*started(), [10, 30, 20, 30, 31]) == [1, 2, 5]


def test_base_epochs_count_for_the_best_score():
    """Their best model is not admitted, but later scores must exceed its score."""
    assert joined(*started(base_epochs=3), [10, 30, 20, 31]) == [4]


def test_admits_every_n_epochs():
    hook, runner = started(admit='every_n_epochs', interval=2, base_epochs=3)
    assert joined(hook, runner, [5, 4, 3, 2, 1, 0]) == [4, 6]


def test_validation_less_often_than_epochs():
    hook, runner = started()
    runner.train_loop.val_interval = 2
    for runner.epoch in range(1, 6):
        if runner.epoch % 2 == 0:
            hook.after_val_epoch(runner, dict(mIoU=runner.epoch))
        hook.before_train_epoch(runner)
    assert [model.epoch for model in hook.models] == [2, 4]


def test_oldest_makes_room():
    hook, runner = started(max_models=3)
    lent = runner.model.guidance.models
    joined(hook, runner, range(5))
    assert [model.epoch for model in hook.models] == [3, 4, 5]
    assert lent is hook.models


def test_models_stay_as_they_were():
    hook, runner = started()
    images = torch.randn(1, 3, 33, 33)
    expected = []
    for runner.epoch in (1, 2):
        with torch.no_grad():
            for parameter in runner.model.parameters():
                parameter.mul_(1.1)
            expected.append(runner.model.eval().logits(images))
        hook.after_val_epoch(runner, dict(mIoU=runner.epoch))
        hook.before_train_epoch(runner)
    runner.model.train()
    for model, logits in zip(hook.models * 2, expected * 2, strict=True):
        ours = model.logits(images)
        torch.testing.assert_close(ours, logits, rtol=0, atol=0)
        assert not ours.requires_grad
    # Not copied: the network shares the weights of the model that ran last.
    assert (
        next(hook.network.parameters()).data_ptr()
        == next(iter(hook.models[-1].state.values())).data_ptr()
    )


def test_half_precision_keeps_the_statistics():
    hook, runner = started(dtype='half')
    exact, _ = started()
    images = torch.randn(1, 3, 33, 33)
    joined(hook, runner, [1])
    state = hook.models[0].state
    assert state['decode_head.conv_seg.weight'].dtype == torch.half
    assert state['backbone.stem.1.running_var'].dtype == torch.float32
    ours = hook.models[0].logits(images)
    assert ours.dtype == torch.float32
    with torch.no_grad():
        exact = runner.model.eval().logits(images)
    torch.testing.assert_close(ours, exact, rtol=0, atol=0.02)


def test_no_list_in_checkpoints_without_optimizer():
    hook, runner = started()
    joined(hook, runner, [1])
    checkpoint = {}
    hook.before_save_checkpoint(runner, checkpoint)
    assert checkpoint == {}
    checkpoint['optimizer'] = {}
    hook.before_save_checkpoint(runner, checkpoint)
    assert len(checkpoint['previous_models']['models']) == 1


def test_the_method_gets_epoch_and_seed():
    hook, runner = started()
    runner.epoch, runner.iter, runner.seed = 3, 17, 5
    hook.before_train_iter(runner, 0)
    guidance = runner.model.guidance
    assert (guidance.epoch, guidance.max_epochs) == (3, 9)
    assert guidance.seed == (5, 17)


@pytest.mark.parametrize(
    'wrong',
    [
        dict(admit='worst'),
        dict(device='disk'),
        dict(dtype='double'),
        dict(max_models=0),
        dict(interval=0),
    ],
)
def test_options_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PreviousModelsHook(**wrong)


def test_the_score_that_decides_must_be_computed():
    hook, runner = started()
    with pytest.raises(ValueError, match='aAcc'):
        hook.after_val_epoch(runner, dict(aAcc=1))
    runner.model.guidance = None
    with pytest.raises(ValueError, match='val_dataloader'):
        hook.before_train(runner)


def test_guidance_needs_epochs():
    hook, runner = started(admit='every_n_epochs')
    runner.train_loop = IterBasedTrainLoop.__new__(IterBasedTrainLoop)
    with pytest.raises(ValueError, match='EpochBasedTrainLoop'):
        hook.before_train(runner)


def assert_same_end(run, whole):
    """Check that both have the same losses to the last step, and the same models."""
    assert max(run.losses) == max(whole.losses) == 7
    for step, losses in run.losses.items():
        assert losses == whole.losses[step]
    assert [m.epoch for m in run.hook.models] == [m.epoch for m in whole.hook.models]
    for ours, theirs in zip(run.hook.models, whole.hook.models, strict=True):
        for key, tensor in theirs.state.items():
            assert torch.equal(ours.state[key], tensor)
    assert run.hook.best == whole.hook.best


@pytest.fixture(scope='module')
def whole(train):
    return train('whole', HOOK)


def test_guides_the_training(whole):
    counts = [step['prev_models'] for step in whole.losses.values()]
    assert counts[:4] == [0, 0, 1, 1]  # the first validation always improves
    weights = [step['prev_weight'] for step in whole.losses.values()]
    assert weights == [0, 0, 0.5, 0.5, 1, 1, 0.5, 0.5]
    for step in whole.losses.values():
        assert (step['loss_prev_strong'] > 0) == (step['prev_weight'] > 0)


def test_checkpoint_holds_the_network_alone(whole):
    stock = tiny.network(type='UniMatch')
    kept = torch.load(whole.folder / 'epoch_4.pth', weights_only=False)
    assert list(kept['state_dict']) == list(MODELS.build(stock).state_dict())
    assert len(kept['previous_models']['models']) == len(whole.hook.models)


@pytest.mark.parametrize(
    'kill',
    [
        ('before_val_epoch', 1),  # the outcome is lost
        ('after_val_epoch', 1),  # the checkpoint holds it; no model has joined
        ('before_val_epoch', 3),
        ('after_train_iter', 7),  # back to the beginning of the epoch
    ],
)
def test_resumed_run_continues_as_if_uninterrupted(train, whole, kill):
    name = '_'.join(map(str, kill))
    killed = train(name, HOOK, kill=kill)
    assert len(killed.losses) < 8
    resumed = train(name, HOOK, resume=True)
    assert resumed.losses
    assert_same_end(resumed, whole)


def test_a_complete_validation_is_repeated_if_its_outcome_is_lost(train, whole):
    """Without a best checkpoint, none is written after a validation."""
    no_best = dict(default_hooks=dict(checkpoint=dict(save_best=None)))
    killed = train('lost', HOOK, kill=('after_val_epoch', 1), **no_best)
    assert (killed.folder / 'last_validation').read_text() == '2'
    assert_same_end(train('lost', HOOK, resume=True, **no_best), whole)


@pytest.mark.parametrize('step', [3, 4])
def test_resumed_inside_an_epoch(train, whole, step):
    """From checkpoints of single steps."""
    often = dict(default_hooks=dict(checkpoint=dict(by_epoch=False, interval=1)))
    train(f'inside_{step}', HOOK, kill=('after_train_iter', step), **often)
    resumed = train(f'inside_{step}', HOOK, resume=True, **often)
    assert min(resumed.losses) == step
    assert_same_end(resumed, whole)


def test_resumed_list_in_half_precision_every_epoch(train):
    hook = dict(HOOK, admit='every_n_epochs', dtype='half', device='cpu')
    whole = train('half', hook)
    assert [model.epoch for model in whole.hook.models] == [2, 3]
    train('half_killed', hook, kill=('after_train_iter', 6))
    assert_same_end(train('half_killed', hook, resume=True), whole)
