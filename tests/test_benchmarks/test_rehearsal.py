import pytest
import torch

from helpers.rehearsal import Rehearsal


def test_half_of_the_pixels_are_sure(cfg):
    rehearsal = Rehearsal(cfg)
    rehearsal.model.conf_thresh = 0.95
    rehearsal.step()
    logged = rehearsal.runner.message_hub.log_scalars
    assert 0.25 < logged['train/mask_ratio'].current() < 0.75


def test_update_is_made_of_its_steps(cfg):
    cfg.optim_wrapper.accumulative_counts = 2
    cfg.total_batch_size = 4
    rehearsal = Rehearsal(cfg)
    updates, steps = [], []
    rehearsal.runner.optim_wrapper.optimizer.register_step_pre_hook(
        lambda *args: updates.append(1)
    )
    rehearsal.model.register_forward_pre_hook(lambda *args: steps.append(1))
    for _ in range(3):
        rehearsal.update()
    assert len(updates) == 3 and len(steps) == 6


def test_infinite_losses_are_reported(cfg):
    """As in a run, although the step does not belong to its epoch."""
    rehearsal = Rehearsal(cfg)
    with torch.no_grad():
        rehearsal.model.decode_head.conv_seg.weight.fill_(float('nan'))
    with pytest.raises(FloatingPointError, match='is not finite: loss=nan'):
        rehearsal.step()


def test_training_by_iterations(cfg):
    """Such a config has no epochs, and an endless sampler."""
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=9, val_interval=9)
    cfg.train_dataloader.sampler.infinite = True
    rehearsal = Rehearsal(cfg)
    rehearsal.update()
    logged = rehearsal.runner.message_hub.log_scalars
    assert logged['train/loss'].current() > 0
