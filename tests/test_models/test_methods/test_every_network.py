"""Every method trains every network."""

from copy import deepcopy

import pytest
import torch

from mmsemi.registry import MODELS
from tests.helpers import networks as tiny
from tests.helpers.tools import ROOT

METHODS = {
    'Supervised': {},
    'FixMatch': dict(conf_thresh=0.3),
    'UniMatch': dict(conf_thresh=0.3),
    'RankMatch': dict(conf_thresh=0.3, loss_rank=dict(num_landmarks=8)),
    'CorrMatch': dict(thresh_init=0.3, num_regions=16),
    'PrevMatch': dict(conf_thresh=0.3, prev_conf_thresh=0.2),
    'UniMatchV2': dict(conf_thresh=0.3),
    'MeanTeacher': dict(conf_thresh=0.3),
    'AugSeg': dict(conf_thresh=0.3),
    'BalancedMatch': dict(conf_thresh=0.3),
    'CPS': {},
}
METHODS |= {
    f'{name}, EMA teacher': dict(METHODS[name], guidance='ema')
    for name in ('FixMatch', 'UniMatch', 'RankMatch', 'CorrMatch', 'PrevMatch')
}
COLUMNS = dict(  # of the documented table
    deeplabv3plus='ResNet, DeepLabV3+',
    separable='ResNet, separable ASPP',
    dinov2='DINOv2, DPT',
    segformer='MiT, SegFormer',
    efficientnet_lite0='EfficientNet-Lite0, DeepLabV3+',
    timm_vit="timm's ViT of DINOv3, DPT",
    timm_convnext="timm's ConvNeXt, SegFormer head",
)


def build(method, network):
    """Build a method; models that guide it have other weights."""
    kind = method.partition(',')[0]
    cfg = tiny.network(network, type=kind, **METHODS[method])
    layer, channels = tiny.FEATURES[network]
    if kind == 'RankMatch':
        cfg.rank_layer = layer
    elif kind == 'CorrMatch':
        cfg.correlation = dict(in_channels=channels, channels=16)
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    if model.guidance:
        guide = MODELS.build(cfg).eval()
        guide.init_weights()
        model.guidance.models = [guide.requires_grad_(False)]
        model.guidance.epoch, model.guidance.max_epochs = 1, 4
    return model


def streams(model, network):
    batch = tiny.streams(size=tiny.SIZE.get(network, 65))
    if model.num_views == 1:
        for name in ('unlabeled', 'partner'):
            for key in ('strong', 'boxes'):
                del batch[name][key][1:]
    return batch


@pytest.mark.parametrize('network', tiny.NETWORKS)
@pytest.mark.parametrize('method', METHODS)
def test_step(method, network):
    """All terms are finite; every parameter trains, and no model that guides."""
    if 'timm' in network:
        pytest.importorskip('timm', reason='timm is not installed (mmsemi[timm])')
    model = build(method, network)
    before = deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = model.train().data_preprocessor(streams(model, network), True)
    total, log = model.parse_losses(model(**batch, mode='loss'))
    assert all(torch.isfinite(torch.as_tensor(v)) for v in log.values())
    total.backward()
    assert tiny.without_gradient(model) == []
    optimizer.step()
    state = model.state_dict()
    assert not state['decode_head.conv_seg.weight'].equal(
        before['decode_head.conv_seg.weight']
    )
    if model.guidance:
        assert all(p.grad is None for p in model.guidance.models[0].parameters())


def test_the_documented_table():
    """It has a row for each method, and a column for each network, tested here."""
    text = (ROOT / 'docs/choosing.md').read_text()
    section = text.partition('## Every method on every network')[2]
    head, _, *rows = (
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in section.partition('\n## ')[0].splitlines()
        if line.startswith('|')
    )
    layers = [f'`{layer}`' for layer, _ in tiny.FEATURES.values()]
    assert tiny.FEATURES.keys() == tiny.NETWORKS.keys()
    assert rows == [
        *([name, *['yes'] * len(layers)] for name in map(quoted, METHODS)),
        ['`rank_layer` of RankMatch', *layers],
    ]
    for cell, network in zip(head[1:], tiny.NETWORKS, strict=True):
        assert COLUMNS[network] == cell


def quoted(method):
    """Write the name of a method as the table does."""
    name, comma, rest = method.partition(',')
    return f'`{name}`{comma}{rest}'
