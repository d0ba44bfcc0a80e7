"""Training steps equal those of the released trainers, in float64."""

import json

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper

from mmsemi.models.losses import rank
from mmsemi.models.methods import corrmatch
from mmsemi.models.released import from_released

from . import released

# Unweighted parts of the record <- our weighted terms of the total.
PARTS = {
    'supervised': dict(loss_x=('loss_sup', 1)),
    'fixmatch': dict(loss_x=('loss_sup', 2), loss_s=('loss_strong', 2)),
    'unimatch': dict(
        loss_x=('loss_sup', 2), loss_s=('loss_strong', 4), loss_w_fp=('loss_fp', 4)
    ),
    'rankmatch': dict(
        loss_x=('loss_sup', 2),
        loss_s=('loss_strong', 4),
        loss_w_fp=('loss_fp', 4),
        loss_c=('loss_rank', 10),
    ),
    'corrmatch': dict(
        loss_x=('loss_sup', 4),
        loss_x_corr=('loss_sup_corr', 4),
        loss_u_s1=('loss_strong', 8),
        loss_u_kl=('loss_kl', 8),
        loss_u_w_fp=('loss_fp', 8),
        loss_u_corr=('loss_corr', 8),
        thresh_global=('thresh', 1),
    ),
}
TYPES = dict(
    supervised='Supervised',
    fixmatch='FixMatch',
    unimatch='UniMatch',
    rankmatch='RankMatch',
    corrmatch='CorrMatch',
    prevmatch='PrevMatch',
)

# The optimiser as our schedules have it; the record gives each step's lr.
OPTIMIZER = dict(
    constructor='GroupedParamsConstructor',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)


def criterion(cfg: dict) -> dict:
    """Config of the record's supervised loss."""
    settings = cfg.get('criterion', dict(name='CELoss'))
    if settings['name'] != 'OHEM':
        return dict(type='PixelCrossEntropyLoss')
    kwargs = settings['kwargs']
    return dict(
        type='PixelOHEMLoss', thresh=kwargs['thresh'], min_kept=kwargs['min_kept']
    )


def build(record: dict, golden):
    """The record's method over the released network, weights loaded."""
    cfg, method = record['cfg'], record['method']
    model_cfg = dict(type=TYPES[method])
    if method == 'corrmatch':
        model_cfg['thresh_init'] = cfg['thresh_init']
    elif method != 'supervised':
        model_cfg['conf_thresh'] = cfg['conf_thresh']
    os16 = cfg['replace_stride_with_dilation'] == [False, False, True]
    model = released.deeplabv3plus(
        model_cfg,
        record['nclass'],
        depth=int(cfg['backbone'].removeprefix('resnet')),
        dilations=cfg['dilations'],
        output_stride=16 if os16 else 8,
        loss_decode=criterion(cfg),
    ).double()

    state = released.state_dict(golden / 'keys' / 'unimatch_resnet50_os16.json')
    for name in ('decode_head.conv_seg.weight', 'decode_head.conv_seg.bias'):
        shape = [record['nclass'], *state[name].shape[1:]]
        state[name] = torch.as_tensor(
            released.fill(name.replace('decode_head.conv_seg', 'classifier'), shape)
        )
    if method == 'rankmatch':
        for name in ('weight', 'bias'):
            state[f'decode_head.project.bn.{name}'] *= 0.05
    if method == 'corrmatch':
        extra = released.state_dict(golden / 'keys' / 'corrmatch_resnet101_os8.json')
        state.update(
            (name, value)
            for name, value in extra.items()
            if name.startswith('correlation.')
        )
        state['thresh.value'] = model.thresh.value
    model.load_state_dict(state)
    return model.train()


def close(ours, theirs, rel=1e-6):
    assert ours.item() == pytest.approx(theirs, rel=rel, abs=1e-12)


@pytest.mark.parametrize(
    'name',
    [
        'supervised',
        'fixmatch',
        'unimatch',
        'unimatch_cityscapes',
        'rankmatch',
        'corrmatch',
    ],
)
def test_steps(golden, name, monkeypatch):
    record = json.loads((golden / 'steps' / f'{name}.json').read_text())
    monkeypatch.setattr(F, 'dropout2d', released.channel_dropout)
    choose = rank.choose_landmarks
    monkeypatch.setattr(
        rank,
        'choose_landmarks',
        lambda feat, num, start: choose(feat, num, released.landmark_start(feat)),
    )
    monkeypatch.setattr(corrmatch, 'random_positions', released.region_positions)
    propagated = []
    propagate = corrmatch.propagate_labels
    monkeypatch.setattr(
        corrmatch,
        'propagate_labels',
        lambda *args: propagated.append(propagate(*args)) or propagated[-1],
    )
    model = build(record, golden)
    optim = build_optim_wrapper(model, OPTIMIZER)
    params = {n: p for n, p in model.named_parameters()}
    backbone = {id(p) for n, p in params.items() if n.startswith('backbone')}

    for i, step in enumerate(record['steps']):
        for group in optim.param_groups:
            group['lr'] = step['lr'][id(group['params'][0]) not in backbone]
        losses = model.loss(released.streams(record, i))
        total, _ = model.parse_losses(losses)
        optim.zero_grad()
        total.backward()

        close(total, record['total_loss'][i])
        scalars = {
            key.removeprefix('train/'): value
            for key, value, at in record['scalars']
            if at == i and key.startswith('train/')
        }
        for part, (term, factor) in PARTS[record['method']].items():
            close(losses[term] * factor, scalars[part])
        if 'mask_ratio' in scalars:
            close(losses['mask_ratio'], scalars['mask_ratio'])
        if 'kept_pixels' in scalars:
            label, keep = propagated[i]
            assert keep.sum() == scalars['kept_pixels']
            assert label.sum() == scalars['pseudo_label_sum']
        grads = torch.stack([p.grad.norm() for p in params.values()])
        close(grads.norm(), step['grad_norm'])
        for key, norm in step['grads'].items():
            close(params[from_released(key)].grad.norm(), norm)
        optim.step()

    state = model.state_dict()
    for key, (total, norm) in record['after'].items():
        tensor = state[from_released(key)]
        close(tensor.norm(), norm)
        # A sum of signed entries is only as exact as their magnitude.
        assert float(tensor.sum()) == pytest.approx(total, abs=1e-6 * max(1, norm))
