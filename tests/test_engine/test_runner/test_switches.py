"""Switches change how a network computes, and its losses little."""

import copy

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmsemi.engine import AutocastOptimWrapper, SemiRunner
from mmsemi.engine.runner.precision import portable
from mmsemi.engine.runner.switches import (
    apply_switches,
    compile_network,
    leave_views_to_device,
)
from mmsemi.measuring.cost import KeptTensors
from mmsemi.registry import MODELS, RUNNERS
from tests.helpers import networks as tiny
from tests.helpers.runs import make_config

LAYERS = ['backbone.layer1', 'backbone.layer4', 'decode_head']


@pytest.fixture
def plain():
    torch.manual_seed(0)
    model = MODELS.build(
        tiny.network(
            type='RankMatch',
            conf_thresh=0.3,
            loss_rank=dict(num_landmarks=8, similarity='cosine'),
        )
    )
    return model


def step(model, **optim_wrapper):
    """Return losses, gradients and statistics of a step, and the bytes it kept."""
    optim = build_optim_wrapper(
        model, dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9), **optim_wrapper)
    )
    model.train()
    torch.manual_seed(1)
    kept = KeptTensors(model)
    with kept, optim.optim_context(model):
        data = model.data_preprocessor(tiny.streams(size=49), True)
        losses = model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    optim.backward(total)
    grads = {n: p.grad for n, p in model.named_parameters()}
    optim.step()
    return dict(
        losses={k: v.item() for k, v in losses.items()},
        grads=grads,
        state={k: v.clone() for k, v in model.state_dict().items()},
        kept=kept.bytes,
        optim=optim,
    )


def assert_alike(a, b, rel, tiny=0.0):
    assert a['losses'] == pytest.approx(b['losses'], rel=rel, abs=tiny)
    assert all(value > 0 for value in a['losses'].values())
    for key, tensor in a['state'].items():
        torch.testing.assert_close(tensor, b['state'][key], rtol=rel, atol=rel)


def test_gradient_checkpointing_keeps_less_and_changes_nothing(plain):
    expected = step(copy.deepcopy(plain))
    model = copy.deepcopy(plain)
    apply_switches(model, dict(gradient_checkpointing=LAYERS))
    # A teacher, a copy made before or after, shares nothing with the network.
    copied = copy.deepcopy(model)
    assert copied.decode_head.forward.layer is copied.decode_head
    result = step(model)
    assert result['losses'] == expected['losses']
    for part in ('grads', 'state'):
        for name, tensor in expected[part].items():
            assert torch.equal(tensor, result[part][name]), name
    assert result['kept'] < 0.7 * expected['kept']
    assert plain.state_dict().keys() == model.state_dict().keys()


def test_views_are_left_to_the_device():
    dataset = dict(
        type='SemiSegDataset',
        unlabeled_pipeline=[
            dict(type='MarkValid'),
            dict(type='StrongViews', num_views=1),
        ],
    )
    changed = leave_views_to_device(dataset)
    assert changed['unlabeled_pipeline'] == [
        dict(type='MarkValid'),
        dict(type='StrongViews', num_views=1, on_device=True),
    ]
    assert 'on_device' not in dataset['unlabeled_pipeline'][1]
    with pytest.raises(ValueError, match='no StrongViews'):
        leave_views_to_device(dict(type='SelfTrainingDataset'))


def test_faults_of_the_config(plain):
    with pytest.raises(ValueError, match="'backbone.layer9'"):
        apply_switches(plain, dict(gradient_checkpointing=['backbone.layer9']))
    with pytest.raises(ValueError, match='gradient_checkpointing instead'):
        apply_switches(plain, dict(activation_checkpointing=['backbone']))


def test_channels_last(plain, monkeypatch):
    """Only forward passes: the backward pass is not safe on the CPU."""
    model = copy.deepcopy(plain).eval()
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    apply_switches(model, dict(channels_last=True))
    images = torch.randn(2, 3, 49, 49)
    with torch.no_grad(), model.capture('backbone') as feats:
        torch.testing.assert_close(
            model.logits(images), plain.eval().logits(images), rtol=1e-3, atol=1e-4
        )
    assert feats[0][-1].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_channels_last_needs_a_gpu(plain):
    with pytest.raises(ValueError, match='channels_last=True needs a GPU'):
        apply_switches(plain, dict(channels_last=True))


@pytest.mark.parametrize('dtype, scaled', [('bfloat16', False), ('float16', True)])
def test_mixed_precision(plain, dtype, scaled):
    model = copy.deepcopy(plain)
    with model.capture('backbone') as feats:
        result = step(model, type='AutocastOptimWrapper', dtype=dtype)
    assert feats[0][-1].dtype == getattr(torch, dtype)
    # Other landmarks may be chosen, so that the small rank term differs.
    assert_alike(result, step(copy.deepcopy(plain)), 0.1, tiny=5e-3)
    state = result['optim'].state_dict()['loss_scaler']
    assert bool(state) == scaled
    again = AutocastOptimWrapper(
        dtype, optimizer=torch.optim.SGD(model.parameters(), lr=0.1)
    )
    again.load_state_dict(dict(again.optimizer.state_dict(), loss_scaler=state))
    assert again.state_dict()['loss_scaler'] == state


@pytest.mark.parametrize('method', ['supervised', 'prevmatch'])
def test_mmengines_mixed_precision(method, tiny_data, tmp_path, plain_configs):
    """Its wrapper needs a GPU, and lets fused SGD start with arbitrary momentum."""
    cfg = make_config(
        method, tiny_data, tmp_path, **{'optim_wrapper.type': 'AmpOptimWrapper'}
    )
    runner = SemiRunner.from_cfg(cfg)
    runner.train()
    assert type(runner.optim_wrapper) is AutocastOptimWrapper
    on_a_gpu = torch.cuda.is_available()
    assert runner.optim_wrapper.cast_dtype == (
        torch.float16 if on_a_gpu else torch.float32
    )
    losses = runner.message_hub.log_scalars['train/loss'].data[0]
    assert len(losses) == runner.iter and np.isfinite(losses).all()


def test_mmengines_settings_are_kept(plain, tmp_path):
    cfg = dict(type='AmpOptimWrapper', dtype='float16', loss_scale=512.0)
    optim = step(copy.deepcopy(plain), **portable(cfg))['optim']
    assert type(optim) is AutocastOptimWrapper
    assert optim.cast_dtype == torch.float16
    assert optim.loss_scaler.get_scale() == 512
    assert cfg['type'] == 'AmpOptimWrapper'


def test_other_precision_is_refused(plain):
    with pytest.raises(ValueError, match="dtype='float8'"):
        step(copy.deepcopy(plain), type='AutocastOptimWrapper', dtype='float8')


def test_compiled_network_is_read_by_hooks_too(plain):
    """RankMatch reads a layer inside a compiled module."""
    model = copy.deepcopy(plain)
    compile_network(model, dict(backend='eager'))
    seen = []
    for part in (model.backbone, model.decode_head):
        part.register_forward_hook(
            lambda *args: seen.append(torch.compiler.is_compiling())
        )
    assert_alike(step(model), step(copy.deepcopy(plain)), 1e-3)
    assert seen and all(seen)
    assert plain.state_dict().keys() == model.state_dict().keys()


@pytest.mark.parametrize('tta', [False, True])
def test_evaluation_is_compiled_too(tta, tiny_data, tmp_path, plain_configs):
    scores, seen = [], []
    for options in (False, dict(backend='eager')):
        cfg = make_config('supervised', tiny_data, tmp_path)
        cfg.compile = options
        if tta:
            cfg.model = dict(cfg.tta_model, module=cfg.model)
            cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        runner = RUNNERS.build(cfg)
        network = runner.model.module if tta else runner.model
        seen.append([])
        network.backbone.register_forward_hook(
            lambda *args: seen[-1].append(torch.compiler.is_compiling())
        )
        scores.append(runner.test())
    assert not any(seen[0]) and seen[1] and any(seen[1])
    assert scores[0] == pytest.approx(scores[1], abs=0.5, nan_ok=True)


def test_compiling_without_a_compiler_says_so(plain, monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(RuntimeError, match='no-such-compiler.*compile=False'):
        compile_network(copy.deepcopy(plain), True)


def test_both_networks_of_a_method_follow_the_switches(monkeypatch):
    """CPS trains two."""
    model = MODELS.build(tiny.network(type='CPS'))
    apply_switches(model, dict(gradient_checkpointing=True))
    changed = [
        name for name, layer in model.named_modules() if 'forward' in vars(layer)
    ]
    own = [name for name in changed if not name.startswith('second.')]
    assert own and [f'second.{name}' for name in own] == changed[len(own) :]

    compiled = []
    monkeypatch.setattr(
        torch.nn.Module, 'compile', lambda part, **options: compiled.append(part)
    )
    compile_network(model, dict(backend='eager'))
    parts = (model.backbone, model.decode_head)
    both = (*parts, model.second.backbone, model.second.decode_head)
    assert [id(part) for part in compiled] == [id(part) for part in both]
