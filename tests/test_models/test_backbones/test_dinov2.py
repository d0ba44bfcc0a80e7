"""DINOv2: what it taps, freezes, loads and refuses."""

import math

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmsemi.engine.runner.sizes import check_sizes
from mmsemi.models.released import convert_state_dict, release_state_dict
from mmsemi.registry import MODELS
from tests.helpers.networks import NETWORKS, network

TINY = NETWORKS['dinov2']['backbone']


def build(**options):
    return MODELS.build(dict(TINY, **options))


def trained(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    'arch, blocks, millions',
    [
        ('small', (2, 5, 8, 11), 22.06),
        ('base', (2, 5, 8, 11), 86.58),
        ('large', (4, 11, 17, 23), 304.37),
        ('giant', (9, 19, 29, 39), 1136.48),
    ],
)
def test_published_sizes(arch, blocks, millions):
    """Parameters as Meta counts them (its mask token left out)."""
    with torch.device('meta'):
        model = MODELS.build(dict(type='DINOv2', arch=arch))
    assert model.out_indices == blocks
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters / 1e6 == pytest.approx(millions, abs=0.01)


def test_attention_is_the_fused_one(monkeypatch):
    """Attention calls PyTorch's kernel, and that equals the definition."""
    model = build().eval()
    attention = model.layers[0].attn
    x = torch.randn(2, 17, model.embed_dims)
    q, k, v = attention.qkv(x).unflatten(2, (3, attention.num_heads, -1)).unbind(2)
    q, k, v = (each.transpose(1, 2) for each in (q, k, v))
    weight = (q @ k.transpose(2, 3) / math.sqrt(q.size(3))).softmax(3)
    expected = attention.proj((weight @ v).transpose(1, 2).flatten(2))
    expected = attention.gamma1(expected)
    torch.testing.assert_close(attention(x), expected, rtol=1e-5, atol=1e-6)
    assert attention.scaled_dot_product_attention is (
        nn.functional.scaled_dot_product_attention
    )


def test_frozen():
    everything = trained(build())
    assert trained(build(frozen_stages='all')) == set()
    embeddings = {n for n in everything if not n.startswith(('layers', 'ln1'))}
    assert trained(build(frozen_stages=0)) == everything - embeddings
    first = {n for n in everything if n.startswith(('layers.0.', 'layers.1.'))}
    assert trained(build(frozen_stages=2)) == everything - embeddings - first


def test_a_frozen_encoder_keeps_nothing_for_the_backward_pass():
    feats = build(frozen_stages='all')(torch.randn(1, 3, 28, 42))
    assert all(feat.grad_fn is None for feat in feats)
    assert [tuple(feat.shape[2:]) for feat in feats] == [(2, 3)] * 4


def test_layers_decay():
    """Block i of 4 has r^(4 - i), embeddings r^5, final norm and head 1."""
    model = MODELS.build(network('dinov2', type='Supervised'))
    wrapper = build_optim_wrapper(
        model,
        dict(
            constructor='GroupedParamsConstructor',
            optimizer=dict(type='AdamW', lr=1.0),
            paramwise_cfg=dict(
                custom_keys=dict(backbone=dict(lr_mult=0.5)), layer_decay_rate=0.9
            ),
        ),
    )
    lrs = {id(p): g['lr'] for g in wrapper.param_groups for p in g['params']}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        expected = 1.0
        if name.startswith('backbone.'):
            part = name.removeprefix('backbone.')
            power = 0 if part.startswith('ln1') else 5
            if part.startswith('layers.'):
                power = 4 - int(part.split('.')[1])
            expected = 0.5 * 0.9**power
        assert lrs[id(parameter)] == pytest.approx(expected), name


@pytest.mark.parametrize('rate', [0, 1.5])
def test_no_such_decay(rate):
    model = MODELS.build(network('dinov2', type='Supervised'))
    cfg = dict(
        constructor='GroupedParamsConstructor',
        optimizer=dict(type='AdamW', lr=1.0),
        paramwise_cfg=dict(layer_decay_rate=rate),
    )
    with pytest.raises(ValueError, match='layer_decay_rate'):
        build_optim_wrapper(model, cfg)
    cfg['paramwise_cfg'] = dict(layer_decay_rate=0.9)
    with pytest.raises(ValueError, match='numbers its layers'):
        build_optim_wrapper(MODELS.build(network(type='Supervised')), cfg)


@pytest.fixture
def meta(tmp_path):
    """A file with Meta's names, and the network whose weights it holds."""
    model = MODELS.build(network('dinov2', type='Supervised'))
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    released = release_state_dict(model.state_dict())
    file = tmp_path / 'dinov2.pth'
    torch.save(
        {
            name.removeprefix('backbone.'): value
            for name, value in released.items()
            if name.startswith('backbone.')
        },
        file,
    )
    return file, model


@pytest.mark.parametrize('layout', ['meta', 'mmpretrain', 'unimatch_v2'])
def test_pretrained(meta, layout):
    file, model = meta
    if layout == 'mmpretrain':
        state = {f'backbone.{k}': v for k, v in model.backbone.state_dict().items()}
        torch.save(dict(state_dict=state), file)
    elif layout == 'unimatch_v2':
        state = release_state_dict(model.state_dict())
        torch.save(dict(model_ema={f'module.{k}': v for k, v in state.items()}), file)
    ours = build(init_cfg=dict(type='PretrainedBackbone', checkpoint=str(file)))
    ours.init_weights()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, model.backbone.state_dict()[name]), name


def test_a_checkpoint_of_another_size(meta):
    file, _ = meta
    init = dict(type='PretrainedBackbone', checkpoint=str(file))
    with pytest.raises(ValueError, match=r'does not fit DINOv2.*token has the shape'):
        build(arch=dict(TINY['arch'], embed_dims=64), init_cfg=init).init_weights()
    with pytest.raises(ValueError, match='are missing'):
        build(arch=dict(TINY['arch'], num_layers=6), init_cfg=init).init_weights()
    wide = build(arch=dict(TINY['arch'], embed_dims=384))
    torch.save(wide.state_dict(), file)
    with pytest.raises(ValueError, match="It is of arch='small'"):
        build(init_cfg=init).init_weights()


def test_missing_weights(tmp_path):
    init = dict(type='PretrainedBackbone', checkpoint=str(tmp_path / 'no.pth'))
    model = build(arch=dict(TINY['arch'], embed_dims=384), init_cfg=init)
    with pytest.raises(FileNotFoundError, match='dinov2_vits14_pretrain.pth'):
        model.init_weights()


def test_released_names_and_back():
    """Every tensor comes back; the mask token, which nothing reads, as zeros."""
    model = MODELS.build(network('dinov2', type='Supervised'))
    state = model.state_dict()
    released = release_state_dict(state)
    assert len(released) == len(state) + 1
    assert not released['backbone.mask_token'].any()
    back = convert_state_dict(released)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_swiglu_names():
    arch = dict(embed_dims=24, num_layers=4, num_heads=2, feedforward_channels=96)
    giant = build(arch=arch, layer_cfgs=dict(ffn_type='swiglu_fused'))
    model = MODELS.build(network('dinov2', type='Supervised'))
    state = {f'backbone.{k}': v for k, v in giant.state_dict().items()}
    head = {k: v for k, v in model.state_dict().items() if k.startswith('decode')}
    released = release_state_dict({**state, **head})
    assert 'backbone.blocks.0.mlp.w12.weight' in released
    assert 'backbone.blocks.3.mlp.w3.bias' in released
    assert convert_state_dict(released).keys() == {**state, **head}.keys()


def test_position_embeddings_in_the_networks_precision():
    """The released cast to float32 rounds; the option leaves it out."""
    exact, rounded = build(pos_embed_float32=False).double(), build().double()
    nn.init.normal_(exact.pos_embed)
    rounded.load_state_dict(exact.state_dict())
    one, other = (model.position_embedding(3, 5) for model in (exact, rounded))
    assert 1e-9 < (one - other).abs().max() < 1e-5
    assert one.dtype == other.dtype == torch.float64


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(arch='tiny'), 'none of small, base, large, giant'),
        (dict(out_indices=(2, 5, 8, 11)), r'blocks of the 4: 0 to 3'),
        (dict(out_indices=(3, 1)), 'must ascend'),
        (dict(frozen_stages=5), "neither 'all' nor -1 to 4"),
        (dict(img_size=60), 'no multiple of the patches of 14'),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_an_image_that_is_no_multiple():
    with pytest.raises(ValueError, match=r'\(28, 56\) or \(42, 56\)'):
        build()(torch.zeros(1, 3, 30, 56))


@pytest.mark.parametrize(
    'crop, test_cfg, message',
    [
        ((321, 321), dict(mode='whole', multiple=14), r'\(308, 308\) or \(322, 322\)'),
        ((56, 56), dict(mode='windows', crop_size=(801, 801)), r'A window .*798'),
        ((56, 56), dict(mode='whole'), 'test_cfg.multiple=14'),
        ((56, 56), dict(mode='whole', multiple=7), 'test_cfg.multiple=14'),
        ((56, 56), dict(mode='whole', multiple=28), None),
    ],
)
def test_sizes_are_checked_before_training(crop, test_cfg, message):
    cfg = network('dinov2', type='Supervised')
    cfg.test_cfg = test_cfg
    model = MODELS.build(cfg)
    pipeline = [dict(type='RandomScaleCrop', crop_size=crop)]
    run = dict(train_dataloader=dict(dataset=dict(labeled_pipeline=pipeline)))
    if message is None:
        return check_sizes(model, run)
    with pytest.raises(ValueError, match=message):
        check_sizes(model, run)


def test_a_backbone_that_does_not_say_its_patch():
    """Of timm's, ``test_cfg.multiple`` does."""
    cfg = network(type='Supervised')
    cfg.test_cfg = dict(mode='whole', multiple=16)
    pipeline = [dict(type='RandomScaleCrop', crop_size=(64, 60))]
    run = dict(train_dataloader=dict(dataset=dict(labeled_pipeline=pipeline)))
    with pytest.raises(ValueError, match=r'\(64, 48\) or \(64, 64\)'):
        check_sizes(MODELS.build(cfg), run)


@pytest.mark.parametrize('size', [(4, 4), (4, 5), (3, 9), (1, 1), (20, 6)])
def test_position_embeddings_in_a_graph(size):
    """An exported network computes them for any size, with the same result."""
    backbone = build(pos_embed_float32=False).double()
    torch.nn.init.normal_(backbone.pos_embed)
    torch.testing.assert_close(
        backbone._traced_position_embedding(*size), backbone.position_embedding(*size)
    )
