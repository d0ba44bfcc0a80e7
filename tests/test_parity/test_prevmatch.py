"""PrevMatch equals its released trainer over several epochs, in float64."""

import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper

from mmsemi.engine.hooks import PreviousModelsHook
from mmsemi.models.losses import confidence
from mmsemi.models.methods import prevmatch
from mmsemi.models.released import from_released

from . import released
from .test_steps import OPTIMIZER, build, close

# Unweighted parts of the record <- our terms, and their factor in L.
PARTS = {
    'Loss x': ('loss_sup', 1),
    'Loss s': ('loss_strong', 0.5),
    'Loss w_fp': ('loss_fp', 0.5),
    'Loss s_prev': ('loss_prev_strong', 0.5),
    'Loss w_fp_prev': ('loss_prev_fp', 0.5),
}
RATIOS = {'Mask ratio': 'mask_ratio', 'Mask ratio_prev': 'prev_mask_ratio'}


def fixed_draw(num, most, rng):
    """Return all models, oldest first, with fixed weights."""
    weights = np.array([0.5, 0.3, 0.2][: min(num, most)])
    return list(enumerate(weights / weights.sum()))


def test_epochs(golden, monkeypatch):
    record = json.loads((golden / 'steps' / 'prevmatch.json').read_text())
    cfg = record['cfg']
    monkeypatch.setattr(F, 'dropout2d', released.channel_dropout)
    monkeypatch.setattr(prevmatch, 'draw_ensemble', fixed_draw)
    model = build(record, golden)
    model.prev_conf_thresh = cfg['prev']['conf_thresh']
    model.max_ensemble = cfg['prev']['model_num']
    optim = build_optim_wrapper(model, OPTIMIZER)
    params = {n: p for n, p in model.named_parameters()}
    backbone = {id(p) for n, p in params.items() if n.startswith('backbone')}

    names = set(model.state_dict())
    hook = PreviousModelsHook(
        max_models=cfg['prev']['list_max_len'],
        base_epochs=cfg['prev']['base_only_epoch'],
    )
    runner = SimpleNamespace(
        model=model,
        epoch=0,
        max_epochs=cfg['epochs'],
        seed=record['seed'],
        logger=logging.getLogger(__name__),
        train_loop=SimpleNamespace(val_begin=1, val_interval=1),
    )
    hook.before_run(runner)

    scalars = {(name, at): value for name, value, at in record['scalars']}
    epoch_length = record['total_iters'] // cfg['epochs']
    iters = sorted(at for name, at in scalars if name == 'train/Total loss')
    for step, total_loss, runner.iter in zip(
        record['steps'], record['total_loss'], iters, strict=True
    ):
        epoch, batch = divmod(runner.iter, epoch_length)
        if epoch > runner.epoch:
            runner.epoch += 1
            miou = scalars['eval/mIoU', epoch - 1]
            hook.after_val_epoch(runner, dict(mIoU=miou))
        hook.before_train_epoch(runner)
        hook.before_train_iter(runner, batch)

        for group in optim.param_groups:
            group['lr'] = step['lr'][id(group['params'][0]) not in backbone]
        losses = model.loss(released.streams(record, batch))
        total, _ = model.parse_losses(losses)
        optim.zero_grad()
        total.backward()

        close(total, total_loss)
        assert losses['prev_models'] == min(epoch, hook.max_models)
        weight = losses['prev_weight'].item() if epoch else 0
        for part, (term, factor) in PARTS.items():
            if (f'train/{part}', runner.iter) not in scalars:
                assert losses[term] == 0
                continue
            if 'prev' in part:
                factor = factor * weight
            close(
                losses[term] * (2 + weight) / factor,
                scalars[f'train/{part}', runner.iter],
            )
        for part, ratio in RATIOS.items():
            close(losses[ratio], scalars.get((f'train/{part}', runner.iter), 0))
        grads = torch.stack([p.grad.norm() for p in params.values()])
        close(grads.norm(), step['grad_norm'])
        for key, norm in step['grads'].items():
            close(params[from_released(key)].grad.norm(), norm)
        optim.step()

    assert set(model.state_dict()) == names
    state = model.state_dict()
    for key, (total, norm) in record['after'].items():
        tensor = state[from_released(key)]
        close(tensor.norm(), norm)
        # A sum of signed entries is only as exact as their magnitude.
        assert float(tensor.sum()) == pytest.approx(total, abs=1e-6 * max(1, norm))


def test_schedule(golden):
    expected = np.load(golden / 'units.npz')['lambda_80']
    epochs = range(len(expected))
    ours = [prevmatch.triangular(e, len(expected)) for e in epochs]
    assert ours == pytest.approx(expected.tolist(), rel=1e-9)


@pytest.mark.parametrize('weighting', confidence.WEIGHTINGS)
def test_confidence_weighting(golden, weighting):
    figures = np.load(golden / 'units.npz')
    loss, conf = (
        torch.as_tensor(figures[f'confw_{name}']).double() for name in ('loss', 'conf')
    )
    valid = torch.as_tensor(figures['confw_ignore'] != 255)
    ours = confidence.WEIGHTINGS[weighting](loss, conf, valid, 0.6)
    close(ours, float(figures[f'confw_{weighting}']))
