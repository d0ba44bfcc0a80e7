"""EfficientNet-Lite equals its definition, and its weights are loaded."""

import hashlib
import re
import sys
from importlib.util import find_spec
from math import ceil
from pathlib import Path

import cv2
import matplotlib
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mmsemi.models.backbones import efficientnet_lite
from mmsemi.models.backbones.efficientnet_lite import ARCHS, SCHEME
from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import read_checkpoint

# Kernel size, stride, expansion, output channels of every block, written out.
BLOCKS = dict(
    lite0=[
        *[(3, 1, 1, 16)],
        *[(3, 2, 6, 24), (3, 1, 6, 24)],
        *[(5, 2, 6, 40), (5, 1, 6, 40)],
        *[(3, 2, 6, 80), *[(3, 1, 6, 80)] * 2],
        *[(5, 1, 6, 112)] * 3,
        *[(5, 2, 6, 192), *[(5, 1, 6, 192)] * 3],
        *[(3, 1, 6, 320)],
    ],
    lite1=[
        *[(3, 1, 1, 16)],
        *[(3, 2, 6, 24), *[(3, 1, 6, 24)] * 2],
        *[(5, 2, 6, 40), *[(5, 1, 6, 40)] * 2],
        *[(3, 2, 6, 80), *[(3, 1, 6, 80)] * 3],
        *[(5, 1, 6, 112)] * 4,
        *[(5, 2, 6, 192), *[(5, 1, 6, 192)] * 4],
        *[(3, 1, 6, 320)],
    ],
    lite2=[
        *[(3, 1, 1, 16)],
        *[(3, 2, 6, 24), *[(3, 1, 6, 24)] * 2],
        *[(5, 2, 6, 48), *[(5, 1, 6, 48)] * 2],
        *[(3, 2, 6, 88), *[(3, 1, 6, 88)] * 3],
        *[(5, 1, 6, 120)] * 4,
        *[(5, 2, 6, 208), *[(5, 1, 6, 208)] * 4],
        *[(3, 1, 6, 352)],
    ],
)
CLASSIFIER = {'_conv_head', '_bn1', '_fc'}
HOPPER = Path(matplotlib.get_data_path(), 'sample_data/grace_hopper.jpg')
MILITARY_UNIFORM = 652


def published(arch: str) -> dict[str, Tensor]:
    """Random tensors under the published names, float32."""
    generator = torch.Generator().manual_seed(0)
    state = {}

    def conv(name, *shape):
        fan_in = shape[1] * shape[2] * shape[3]
        state[f'{name}.weight'] = torch.randn(shape, generator=generator) * fan_in**-0.5

    def norm(name, channels):
        for key in ('weight', 'bias', 'running_mean', 'running_var'):
            state[f'{name}.{key}'] = torch.rand(channels, generator=generator) + 0.1
        state[f'{name}.num_batches_tracked'] = torch.tensor(5)

    conv('_conv_stem', 32, 3, 3, 3)
    norm('_bn0', 32)
    inputs = 32
    for i, (kernel, _, expansion, outputs) in enumerate(BLOCKS[arch]):
        block, hidden = f'_blocks.{i}', inputs * expansion
        if expansion > 1:
            conv(f'{block}._expand_conv', hidden, inputs, 1, 1)
            norm(f'{block}._bn0', hidden)
        conv(f'{block}._depthwise_conv', hidden, 1, kernel, kernel)
        norm(f'{block}._bn1', hidden)
        conv(f'{block}._project_conv', outputs, hidden, 1, 1)
        norm(f'{block}._bn2', outputs)
        inputs = outputs
    conv('_conv_head', 1280, inputs, 1, 1)
    norm('_bn1', 1280)
    state['_fc.weight'] = torch.randn(1000, 1280, generator=generator)
    state['_fc.bias'] = torch.randn(1000, generator=generator)
    return state


def by_definition(state: dict[str, Tensor], arch: str, x: Tensor) -> list[Tensor]:
    """Compute the features after every block from the published tensors."""

    def conv(x, name, stride=1):
        weight = state[f'{name}.weight'].to(x)
        kernel = weight.shape[-1]
        pads = []
        for size in (x.shape[3], x.shape[2]):  # "same", as TensorFlow defines it
            total = max((ceil(size / stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)

    def norm(x, name):
        mean, var, weight, bias = (
            state[f'{name}.{key}'].to(x).view(-1, 1, 1)
            for key in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return (x - mean) / (var + 1e-3).sqrt() * weight + bias

    def relu6(x):
        return x.clamp(0, 6)

    x = relu6(norm(conv(x, '_conv_stem', stride=2), '_bn0'))
    features = []
    for i, (_, stride, expansion, _) in enumerate(BLOCKS[arch]):
        block, out = f'_blocks.{i}', x
        if expansion > 1:
            out = relu6(norm(conv(out, f'{block}._expand_conv'), f'{block}._bn0'))
        out = relu6(
            norm(conv(out, f'{block}._depthwise_conv', stride), f'{block}._bn1')
        )
        out = norm(conv(out, f'{block}._project_conv'), f'{block}._bn2')
        x = x + out if x.shape == out.shape else out
        features.append(x)
    return features


def classify(state: dict[str, Tensor], features: Tensor) -> Tensor:
    """Logits of the 1000 classes of ImageNet from the last features."""
    x = F.conv2d(features, state['_conv_head.weight'])
    mean, var, weight, bias = (
        state[f'_bn1.{key}'].view(-1, 1, 1)
        for key in ('running_mean', 'running_var', 'weight', 'bias')
    )
    x = ((x - mean) / (var + 1e-3).sqrt() * weight + bias).clamp(0, 6)
    return x.mean((2, 3)) @ state['_fc.weight'].T + state['_fc.bias']


def level_ends(arch: str) -> list[int]:
    """The last block of each stride."""
    following = [*BLOCKS[arch][1:], (0, 2, 0, 0)]
    return [i for i, (_, stride, _, _) in enumerate(following) if stride == 2]


def loaded(checkpoint: str | Path, **kwargs) -> torch.nn.Module:
    """A backbone that starts from a file or address."""
    init = dict(type='PretrainedBackbone', checkpoint=str(checkpoint))
    backbone = MODELS.build(dict(type='EfficientNetLite', init_cfg=init, **kwargs))
    backbone.init_weights()
    return backbone.eval()


def address(arch: str) -> str:
    """The address of published weights; skips without their package."""
    if find_spec(ARCHS[arch].package) is None:
        pytest.skip(f'{ARCHS[arch].package} is not installed ("mmsemi[lite]")')
    return SCHEME + arch


@pytest.fixture
def random_file(tmp_path):
    torch.save(published('lite0'), tmp_path / 'lite0.pth')
    return tmp_path / 'lite0.pth'


@pytest.mark.parametrize('size', [(64, 96), (65, 33), (70, 45)])
@pytest.mark.parametrize('arch', ARCHS)
def test_features_are_those_of_the_definition(tmp_path, arch, size):
    state = published(arch)
    torch.save(state, tmp_path / 'net.pth')
    backbone = loaded(tmp_path / 'net.pth', arch=arch).double()
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        levels = backbone(images)
        expected = by_definition(state, arch, images)
    for level, end in zip(levels, level_ends(arch), strict=True):
        torch.testing.assert_close(level, expected[end], rtol=1e-9, atol=1e-9)
    assert [level.shape[1] for level in levels] == backbone.channels
    for i, level in enumerate(levels, 1):
        assert level.shape[2:] == tuple(ceil(side / 2**i) for side in size)


@pytest.mark.parametrize('arch', ARCHS)
def test_published_weights_recognise_a_photograph(arch):
    """Our features equal the definition, and the classifier is right about them."""
    state = read_checkpoint(address(arch))
    side = dict(lite0=224, lite1=240, lite2=260)[arch]
    image = cv2.cvtColor(cv2.imread(str(HOPPER)), cv2.COLOR_BGR2RGB)
    image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    images = (torch.from_numpy(image).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.no_grad():
        (last,) = loaded(address(arch), arch=arch, out_indices=(4,))(images)
        torch.testing.assert_close(
            last, by_definition(state, arch, images)[-1], rtol=1e-3, atol=1e-3
        )
        logits = classify(state, last)
    assert logits.argmax().item() == MILITARY_UNIFORM


@pytest.mark.parametrize('arch', ARCHS)
def test_every_published_tensor_has_its_place(arch):
    """Except the classifier's, value for value, and nothing else."""
    state = read_checkpoint(address(arch))
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in published(arch).items()
    }
    kept = [v for name, v in state.items() if name.split('.')[0] not in CLASSIFIER]
    ours = loaded(address(arch), arch=arch).state_dict().values()
    assert len(ours) == len(kept)
    for mine, theirs in zip(ours, kept, strict=True):
        assert torch.equal(mine, theirs)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(published('lite1'), tmp_path / 'lite1.pth')
    with pytest.raises(ValueError, match='does not fit EfficientNetLite.*shape'):
        loaded(tmp_path / 'lite1.pth', arch='lite0')


@pytest.mark.parametrize('output_stride', [8, 16])
def test_dilation_computes_the_same_at_more_places(random_file, output_stride):
    """At each pixel of the level of stride 32, the dilated level is equal."""
    images = torch.randn(1, 3, 129, 65, dtype=torch.float64)
    with torch.no_grad():
        plain = loaded(random_file).double()(images)
        dilated = loaded(random_file, output_stride=output_stride).double()(images)
    for i, (few, many) in enumerate(zip(plain, dilated, strict=True)):
        step = max(2 ** (i + 1) // output_stride, 1)
        assert many.shape[2:] == tuple(
            ceil(side / min(2 ** (i + 1), output_stride)) for side in (129, 65)
        )
        torch.testing.assert_close(many[..., ::step, ::step], few)


def test_selected_levels(random_file):
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        every = loaded(random_file)(images)
        some = loaded(random_file, out_indices=(3, 1))(images)
    assert len(every) == 5 and len(some) == 2
    assert torch.equal(some[0], every[1]) and torch.equal(some[1], every[3])


def changed_by_a_step(backbone: torch.nn.Module) -> tuple[set[str], set[str]]:
    """Return the blocks whose parameters, or statistics, a training step changes."""
    backbone.train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    parameters = [p for p in backbone.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    images = torch.randn(2, 3, 64, 64)
    sum(level.square().mean() for level in backbone(images)).backward()
    optimizer.step()
    moved = [n for n, v in backbone.state_dict().items() if not v.equal(before[n])]
    statistics = [n for n in moved if 'running' in n or 'num_batches' in n]

    def parts(names):
        return {re.match(r'stem|blocks\.\d+', name)[0] for name in names}

    return parts(set(moved) - set(statistics)), parts(statistics)


ALL = {'stem', *(f'blocks.{i}' for i in range(16))}


@pytest.mark.parametrize(
    'frozen_stages,blocks', [(-1, None), (0, 0), (1, 1), (3, 5), (5, 16)]
)
def test_frozen_stages(random_file, frozen_stages, blocks):
    backbone = loaded(random_file, frozen_stages=frozen_stages)
    still = set() if blocks is None else {'stem'}
    still |= {f'blocks.{i}' for i in range(blocks or 0)}
    # Frozen from the start: optimisers and DDP are built before `train()`.
    assert {
        re.match(r'stem|blocks\.\d+', name)[0]
        for name, p in backbone.named_parameters()
        if not p.requires_grad
    } == still
    if still == ALL:
        backbone.train()
        assert not any(p.requires_grad for p in backbone.parameters())
        norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
        assert norms and not any(norm.training for norm in norms)
        return
    assert changed_by_a_step(backbone) == (ALL - still, ALL - still)


def test_norm_eval_keeps_the_statistics_alone(random_file):
    assert changed_by_a_step(loaded(random_file, norm_eval=True)) == (ALL, set())


@pytest.mark.parametrize(
    'option,value',
    [
        ('arch', 'lite3'),
        ('out_indices', (0, 5)),
        ('out_indices', ()),
        ('output_stride', 4),
        ('frozen_stages', 6),
    ],
)
def test_options_out_of_range(option, value):
    with pytest.raises(ValueError, match=re.escape(f'{option}={value!r}')):
        MODELS.build(dict(type='EfficientNetLite', **{option: value}))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put an empty package in the place of the one with the weights."""
    name = f'lite_{tmp_path.name}'  # unlike every package imported before
    (tmp_path / name / 'models').mkdir(parents=True)
    (tmp_path / name / '__init__.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    arch = ARCHS['lite0']._replace(package=name)
    monkeypatch.setitem(efficientnet_lite.ARCHS, 'lite0', arch)
    return tmp_path / name


def test_file_of_a_package_is_read_and_checked(package, monkeypatch):
    file = package / ARCHS['lite0'].file
    torch.save(published('lite0'), file)
    with pytest.raises(OSError, match='is not the published file: its SHA-256 is'):
        loaded(SCHEME + 'lite0')
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    arch = ARCHS['lite0']._replace(sha256=digest)
    monkeypatch.setitem(efficientnet_lite.ARCHS, 'lite0', arch)
    backbone = loaded(SCHEME + 'lite0')
    assert torch.equal(
        backbone.stem.conv.weight, published('lite0')['_conv_stem.weight']
    )


EXTRA = re.escape("'mmsemi[lite]'")


def test_package_without_the_file(package):
    with pytest.raises(FileNotFoundError, match=f'has no models/.*{EXTRA}'):
        loaded(SCHEME + 'lite0')


def test_package_that_is_not_installed(monkeypatch):
    package = ARCHS['lite0'].package
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FileNotFoundError, match=f'{package}, which is not .*{EXTRA}'):
        loaded(SCHEME + 'lite0')


def test_unknown_address():
    with pytest.raises(FileNotFoundError, match='There is no .*lite9.* lite0, lite1'):
        loaded(SCHEME + 'lite9')
