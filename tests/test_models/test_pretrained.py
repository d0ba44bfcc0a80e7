"""Networks start from files of weights, in every supported layout."""

import json
import re
import zlib

import pytest
import torch

from mmsemi.registry import MODELS

TINY = dict(depth=18, base_channels=8)
DEEP_STEM = dict(type='ResNetV1c', stem_channels=16, **TINY)
PLAIN = dict(type='ResNet', stem_channels=8, **TINY)

HEAD = dict(
    type='DeepLabV2Head',
    in_channels=8,
    dilations=(1, 2),
    num_classes=3,
    loss_decode=dict(type='PixelCrossEntropyLoss'),
)


def released(num_classes=3):
    """A segmentor's file under the released names."""
    tensors = dict(weight=(num_classes, 8, 3, 3), bias=(num_classes,))
    state = {
        f'classifier.{i}.{name}': torch.randn(*shape)
        for i in range(2)
        for name, shape in tensors.items()
    }
    return {'backbone.conv1.weight': torch.randn(8, 3, 7, 7), **state}


def head(file):
    return MODELS.build(
        dict(HEAD, init_cfg=dict(type='PretrainedHead', checkpoint=str(file)))
    )


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: dict(model={f'module.{k}': v for k, v in state.items()}),
    ],
)
def test_head_from_a_released_file(tmp_path, wrap):
    state = released()
    torch.save(wrap(state), tmp_path / 'coco.pth')
    model = head(tmp_path / 'coco.pth')
    model.init_weights()
    for i, conv in enumerate(model.conv_seg):
        assert torch.equal(conv.weight, state[f'classifier.{i}.weight'])
        assert torch.equal(conv.bias, state[f'classifier.{i}.bias'])


def test_head_from_a_file_of_ours(tmp_path):
    other = MODELS.build(HEAD)
    torch.save(
        dict(state_dict={f'decode_head.{k}': v for k, v in other.state_dict().items()}),
        tmp_path / 'ours.pth',
    )
    model = head(tmp_path / 'ours.pth')
    model.init_weights()
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])


def test_head_of_other_classes(tmp_path):
    torch.save(released(num_classes=5), tmp_path / 'coco.pth')
    with pytest.raises(
        ValueError,
        match=r'coco\.pth does not fit DeepLabV2Head: 4 of 4 .*'
        r'model\.decode_head\.init_cfg=None',
    ):
        head(tmp_path / 'coco.pth').init_weights()


def backbone(file, cfg=DEEP_STEM):
    return MODELS.build(
        dict(cfg, init_cfg=dict(type='PretrainedBackbone', checkpoint=str(file)))
    )


def weights(cfg=DEEP_STEM):
    """A backbone's state dict with no two tensors the same."""
    return {
        name: torch.randn(value.shape) if value.is_floating_point() else value
        for name, value in MODELS.build(cfg).state_dict().items()
    }


def deep_stem_released(state):
    """The released names of the ResNets with a 3-conv stem."""
    return {
        re.sub(r'^stem', 'conv1', re.sub(r'^stem\.7', 'bn1', name)): value
        for name, value in state.items()
    }


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


CLASSIFIER = {'fc.weight': torch.zeros(3, 2), 'fc.bias': torch.zeros(3)}
LAYOUTS = {
    'mmseg': lambda s: s,
    'mmpretrain': lambda s: dict(
        meta={}, state_dict=prefixed('backbone.', s) | prefixed('head.', CLASSIFIER)
    ),
    'segmentor': lambda s: dict(
        state_dict=prefixed('backbone.', s)
        | {'decode_head.conv1.weight': torch.zeros(1)}
    ),
    'released': lambda s: deep_stem_released(s) | CLASSIFIER,
    'released segmentor': lambda s: dict(
        model=prefixed('module.backbone.', deep_stem_released(s))
        | {'module.classifier.bias': torch.zeros(3)}
    ),
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_backbone_layouts(tmp_path, layout):
    state = weights()
    torch.save(LAYOUTS[layout](state), tmp_path / 'net.pth')
    model = backbone(tmp_path / 'net.pth')
    model.init_weights()
    own = model.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(own[name], state[name]) for name in own)


def test_torchvision_names(tmp_path):
    """The plain ResNet has our names; old files lack BatchNorm's counters."""
    state = weights(PLAIN)
    file = {name: value for name, value in state.items() if 'num_batches' not in name}
    assert 'conv1.weight' in file and 'bn1.weight' in file
    torch.save(file | CLASSIFIER, tmp_path / 'resnet18.pth')
    model = backbone(tmp_path / 'resnet18.pth', PLAIN)
    model.init_weights()
    for name, value in model.state_dict().items():
        assert name not in file or torch.equal(value, file[name])


def test_xception_released_names(tmp_path, golden):
    """Every tensor of the file is loaded into a tensor of its own."""
    shapes = json.loads((golden / 'keys' / 'unimatch_xception65.json').read_text())

    def value(name):
        return float(zlib.crc32(name.encode()) % 100003)

    file = {
        name.removeprefix('backbone.'): torch.full(shape, value(name))
        for name, shape in shapes.items()
        if name.startswith('backbone.')
    }
    torch.save(file, tmp_path / 'xception.pth')
    model = backbone(tmp_path / 'xception.pth', dict(type='Xception65'))
    model.init_weights()
    own = model.state_dict()
    assert len(own) == len(file)
    for ours, theirs in (
        ('conv1.conv.weight', 'conv1.weight'),
        ('conv2.bn.bias', 'bn2.bias'),
        ('block20.skip.bn.running_var', 'block20.skipbn.running_var'),
        ('block4.sepconv3.depthwise_conv.bn.weight', 'block4.sepconv3.bn1.weight'),
        ('conv5.pointwise_conv.conv.weight', 'conv5.pointwise.weight'),
    ):
        assert torch.equal(own[ours], file[theirs])
    assert sorted(float(v.flatten()[0]) for v in own.values()) == sorted(
        float(v.flatten()[0]) for v in file.values()
    )


def test_open_mmlab_name(monkeypatch):
    state = weights()
    urls = []

    def download(url, map_location=None):
        urls.append(url)
        return dict(state_dict=state)

    monkeypatch.setattr('mmengine.runner.checkpoint.load_from_http', download)
    model = backbone('open-mmlab://resnet50_v1c')
    model.init_weights()
    assert 'resnet50_v1c' in urls[0]
    assert torch.equal(model.state_dict()['stem.0.weight'], state['stem.0.weight'])


def test_parts_do_not_initialise_themselves_again(tmp_path):
    """Convolution modules would, without the flag that prevents it."""
    cfg = dict(
        type='DeepLabV3PlusHead',
        in_channels=8,
        channels=4,
        c1_in_channels=4,
        num_classes=3,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='PixelCrossEntropyLoss'),
    )
    state = weights(cfg)
    torch.save(prefixed('decode_head.', state), tmp_path / 'net.pth')
    model = MODELS.build(
        dict(
            cfg,
            init_cfg=dict(type='PretrainedHead', checkpoint=str(tmp_path / 'net.pth')),
        )
    )
    model.init_weights()
    own = model.state_dict()
    assert all(torch.equal(own[name], state[name]) for name in own)


def fails(error, *texts, cfg=DEEP_STEM, file):
    with pytest.raises(error) as caught:
        backbone(file, cfg).init_weights()
    for text in (str(file), 'model.backbone.init_cfg=None', *texts):
        assert text in str(caught.value)
    return str(caught.value)


def test_another_stem(tmp_path):
    torch.save(weights(dict(DEEP_STEM, stem_channels=8)), tmp_path / 'net.pth')
    fails(
        ValueError,
        'does not fit ResNetV1c',
        'stem.0.weight has the shape (4, 3, 3, 3) instead of (8, 3, 3, 3)',
        '`--cfg-options model.backbone.stem_channels=8` makes it fit',
        file=tmp_path / 'net.pth',
    )
    backbone(tmp_path / 'net.pth', dict(DEEP_STEM, stem_channels=8)).init_weights()


def test_plain_weights_for_a_deep_stem(tmp_path):
    torch.save(weights(PLAIN), tmp_path / 'net.pth')
    message = fails(
        ValueError,
        'does not fit ResNetV1c',
        'stem.0.weight is missing',
        file=tmp_path / 'net.pth',
    )
    assert 'stem_channels=' not in message


@pytest.mark.parametrize(
    'cfg,source',
    [
        (dict(DEEP_STEM, stem_channels=128), 'resnet18.pth from https://github'),
        (DEEP_STEM, 'open-mmlab://resnet18_v1c'),
        (PLAIN, 'torchvision://resnet18'),
        (dict(type='Xception65'), 'xception.pth from https://github'),
        (dict(type='EfficientNetLite', arch='lite1'), 'efficientnet-lite://lite1'),
        (
            dict(
                type='MixVisionTransformer',
                embed_dims=8,
                num_layers=[1] * 4,
                num_heads=[1] * 4,
            ),
            'weights of MixVisionTransformer',
        ),
    ],
)
def test_missing_file_says_where_to_get_it(tmp_path, cfg, source):
    fails(
        FileNotFoundError,
        f'Get {source}',
        'model.backbone.init_cfg.checkpoint=FILE',
        cfg=cfg,
        file=tmp_path / 'nowhere.pth',
    )


def test_unknown_open_mmlab_name():
    fails(FileNotFoundError, 'Get open-mmlab://', file='open-mmlab://nowhere')


def test_damaged_file(tmp_path):
    (tmp_path / 'net.pth').write_text('<html>Too many downloads</html>')
    fails(ValueError, 'is a web page', file=tmp_path / 'net.pth')


class Payload:
    def __reduce__(self):
        return print, ('run',)


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    torch.save(dict(state_dict=weights(), extra=Payload()), tmp_path / 'net.pth')
    fails(ValueError, 'could run code', file=tmp_path / 'net.pth')
    assert capsys.readouterr().out == ''
