"""Steps of the UniMatch V2 family and of Mean Teacher equal the released ones."""

import json
import logging
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmsemi.engine.hooks import EMATeacherHook
from mmsemi.engine.schedulers import IterPolyLR
from mmsemi.models.released import THEIRS_ALONE, from_released
from mmsemi.models.utils import complementary
from mmsemi.models.utils.complementary import complementary_dropout

from . import released
from .test_steps import criterion

STEPS = (
    'unimatch_v2',
    'unimatch_v2_b4',
    'unimatch_v2_frozen',
    'unimatch_v2_cityscapes',
    'fixmatch_v2',
    'supervised_v2',
    'meanteacher_cutmix',
    'meanteacher_cutmix_perpixel',
)
# Unweighted parts of the record <- our weighted terms of the total.
PARTS = {
    'UniMatchV2': dict(loss_x=('loss_sup', 2), loss_s=('loss_strong', 2)),
    'FixMatch': dict(loss_x=('loss_sup', 2), loss_s=('loss_strong', 2)),
    'Supervised': dict(loss_x=('loss_sup', 1)),
    'MeanTeacher': dict(loss_x=('loss_sup', 1), loss_c=('loss_cons', 1)),
}


def method_of(record: dict) -> dict:
    """Config of the record's method, without its network."""
    cfg, name = record['cfg'], record['method']
    if name.startswith('supervised'):
        return dict(type='Supervised')
    method = dict(conf_thresh=cfg['conf_thresh'])
    if name.startswith('unimatch'):
        return dict(type='UniMatchV2', **method)
    if name.startswith('fixmatch'):
        return dict(type='FixMatch', guidance='ema', **method)
    return dict(
        type='MeanTeacher',
        cons_weight=cfg['cons_weight'],
        conf_per_pixel=cfg['conf_per_pixel'],
        **method,
    )


def ours(name):
    return from_released(name, 'dinov2', 'dpt')


def kept(names):
    """Leave out what our network lacks."""
    return [name for name in names if name not in THEIRS_ALONE]


def build(record, golden):
    """The record's method over the released network, weights loaded."""
    cfg, num_classes = record['cfg'], record['nclass']
    model = released.dinov2(
        method_of(record),
        num_classes,
        record['encoder'],
        criterion(cfg),
        pos_embed_float32=False,  # as pinned for the record
        frozen_stages='all' if cfg.get('lock_backbone') else -1,
    ).double()
    state = released.state_dict(
        golden / 'keys' / f'unimatch_v2_{record["encoder"]}.json'
    )
    for kind in ('weight', 'bias'):
        key = f'head.scratch.output_conv.2.{kind}'
        shape = [num_classes, *state[ours(key)].shape[1:]]
        state[ours(key)] = torch.as_tensor(released.fill(key, shape))
    model.load_state_dict(state)
    return model.train()


def ranks(num, device):
    """Position j of the permutation holds (j + 1) mod num."""
    return (torch.arange(num) - 1) % num


def channels(num, channels, like):
    """Image b gives channel c to view 1 if (7c + 3 + b) mod 5 < 3."""
    image, channel = torch.arange(num)[:, None], torch.arange(channels)
    return ((7 * channel + 3 + image) % 5 < 3).to(like)


def close(value, expected, scale=None, rel=1e-8):
    scale = abs(expected) if scale is None else scale
    assert value.item() == pytest.approx(expected, rel=0, abs=rel * scale + 1e-14)


def same_weights(model, expected):
    """Compare sum and norm of every recorded tensor."""
    state = model.state_dict()
    for name in kept(expected):
        total, norm = expected[name]
        tensor = state[ours(name)]
        close(tensor.norm(), norm)
        close(tensor.sum(), total, scale=norm)


@pytest.mark.parametrize('name', STEPS)
def test_steps(golden, name, monkeypatch):
    record = json.loads((golden / 'steps' / f'{name}.json').read_text())
    cfg = record['cfg']
    monkeypatch.setattr(complementary, 'draw_ranks', ranks)
    monkeypatch.setattr(complementary, 'draw_channels', channels)
    model = build(record, golden)
    kind = type(model).__name__
    adam = 'opt_type' in cfg
    optim = build_optim_wrapper(
        model,
        dict(
            constructor='GroupedParamsConstructor',
            optimizer=dict(
                type='Adam' if adam else 'AdamW',
                lr=1.0,
                weight_decay=0 if adam else 0.01,
                fused=True,
            ),
            paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.5))),
        ),
    )
    params = dict(model.named_parameters())
    backbone = {id(p) for n, p in params.items() if n.startswith('backbone')}

    hook, seen = None, []
    if model.guidance:
        options = dict(max_decay=cfg['teacher_alpha'], warmup=False) if adam else {}
        hook = EMATeacherHook(**options)
        runner = SimpleNamespace(
            model=model,
            optim_wrapper=SimpleNamespace(should_update=lambda: True),
            logger=logging.getLogger(__name__),
        )
        hook.before_run(runner)
        hook.before_train(runner)
        forward = hook.teacher.logits
        monkeypatch.setattr(
            hook.teacher,
            'logits',
            lambda images: seen.append(forward(images)) or seen[-1],
        )

    for i, step in enumerate(record['steps']):
        for group in optim.param_groups:
            group['lr'] = step['lr'][id(group['params'][0]) not in backbone]
        streams = released.streams(record, i)
        losses = model.loss(streams)
        total, _ = model.parse_losses(losses)
        optim.zero_grad()
        total.backward()

        close(total, record['total_loss'][i])
        scalars = {
            key.removeprefix('train/'): value
            for key, value, at in record['scalars']
            if at == i
        }
        for part, (term, factor) in PARTS[kind].items():
            weight = cfg.get('cons_weight', 1) if term == 'loss_cons' else 1
            close(losses[term] * factor / weight, scalars[part])
        if 'mask_ratio' in scalars:
            close(losses['mask_ratio'], scalars['mask_ratio'], rel=1e-7)  # float32
        if hook:
            assert len(seen) == i + 1  # the teacher runs once
            same_labels(seen[-1], streams, losses, record['teacher'][i])

        learned = {n: p.grad for n, p in params.items() if p.grad is not None}
        if 'no_grad' in record:
            idle = set(map(ours, kept(record['no_grad'])))
            frozen = {n for n in params if n.startswith(record.get('frozen', '-'))}
            assert set(params) - set(learned) == idle | frozen
        grads = torch.stack([grad.norm() for grad in learned.values()])
        close(grads.norm(), step['grad_norm'])
        for key, norm in step['grads'].items():
            close(learned[ours(key)].norm(), norm, step['grad_norm'])
        optim.step()
        if hook:
            hook.after_train_iter(runner, i)

    same_weights(model, record['after'])
    if hook:
        same_weights(hook.teacher, record['after_ema'])


def same_labels(logits, streams, losses, expected):
    """Compare the teacher's prediction; Mean Teacher mixes its probabilities."""
    prob = logits.softmax(1)
    if 'partner' in streams:
        own, partner = prob.chunk(2)
        prob = own.clone()
        for i, j, x1, y1, x2, y2 in streams['unlabeled']['boxes'][0]:
            prob[i, :, y1:y2, x1:x2] = partner[j, :, y1:y2, x1:x2]
        close(losses['mask_ratio'], expected['conf_share'])
    else:
        close(logits.norm(), expected['logits_norm'])
        close(logits.sum(), expected['logits_sum'], expected['logits_norm'])
        close(prob.amax(1).min(), expected['min_conf'])
    assert prob.argmax(1).sum() == expected['pseudo_label_sum']
    close(prob.amax(1).mean(), expected['mean_conf'])


def test_complementary_dropout(golden, monkeypatch):
    """Every recorded case: pairs, levels and channels are those of the file."""
    figures = np.load(golden / 'units_v2.npz')
    cases = sorted(name[4:-5] for name in figures if re.match('drop.*_draw', name))
    for case in cases:
        same_dropout(figures, case, monkeypatch)
    assert len(cases) > 1


def same_dropout(figures, case, monkeypatch):
    feats, outs = (
        [torch.as_tensor(figures[f'drop{case}_{kind}{i}']) for i in range(4)]
        for kind in ('feat', 'out')
    )
    draw = torch.as_tensor(figures[f'drop{case}_draw'])
    perm = torch.as_tensor(figures[f'drop{case}_perm'])
    monkeypatch.setattr(complementary, 'draw_ranks', lambda *args: perm.argsort())
    monkeypatch.setattr(
        complementary, 'draw_channels', lambda num, c, like: draw.to(like)
    )
    # Tokens (2B, N, C) are maps (2B, C, N) here.
    ours = complementary_dropout([feat.transpose(1, 2) for feat in feats])
    for one, other in zip(ours, outs, strict=True):
        assert one.transpose(1, 2).equal(other)


def test_teacher(golden):
    """Parameters and floating-point buffers follow the released sequence."""
    figures = np.load(golden / 'units_v2.npz')
    students = torch.as_tensor(figures['ema_student']).double()
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    model.register_buffer('mean', torch.zeros((), dtype=torch.float64))
    model.register_buffer('index', torch.zeros((), dtype=torch.long))
    runner = SimpleNamespace(
        model=model, optim_wrapper=SimpleNamespace(should_update=lambda: True)
    )
    hook = EMATeacherHook()
    hook.before_run(runner)
    hook.before_train(runner)
    teachers = torch.as_tensor(figures['ema_teacher']).double()
    for i, (student, expected) in enumerate(zip(students, teachers, strict=True)):
        model.weight.data.copy_(student[:2])
        model.mean.copy_(student[2])
        model.index.fill_(i)
        hook.after_train_iter(runner, i)
        ours = torch.stack([*hook.teacher.weight, hook.teacher.mean])
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)
        assert hook.teacher.index == i  # copied: averages of indices mean nothing


def test_lr(golden):
    """The first two steps have the full learning rate."""
    figures = np.load(golden / 'units_v2.npz')
    lr, multi, total = figures['lr_args'].tolist()
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD(
        [dict(params=[w], lr=lr * m) for w, m in zip(weights, (1, multi), strict=True)]
    )
    scheduler = IterPolyLR(optimizer, power=0.9, end=int(total), by_epoch=False, late=1)
    for expected in figures['lr_sequence']:
        ours = [group['lr'] for group in optimizer.param_groups]
        assert ours == pytest.approx(expected.tolist(), rel=1e-12)
        optimizer.step()
        scheduler.step()
