"""Steps and predictions compute on the device and never wait for the host.

PyTorch's ``meta`` device replaces a GPU on any machine: it refuses to mix
devices and has no values to read.
"""

import traceback
from contextlib import nullcontext

import pytest
import torch
from mmseg.models.segmentors import EncoderDecoder
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmsemi.models.methods import corrmatch
from mmsemi.models.utils import tta_probabilities
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny

METHODS = dict(
    Supervised={},
    FixMatch={},
    UniMatch={},
    RankMatch=dict(loss_rank=dict(num_landmarks=8)),
    CorrMatch=dict(correlation=dict(in_channels=64)),
    PrevMatch={},
)


class NoTensorOfTheHost(TorchDispatchMode):
    """Fail if a tensor is created or used that is not on ``meta``."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, result)):
            if torch.is_tensor(tensor) and tensor.device.type != 'meta':
                raise AssertionError(f'{func} on {tensor.device}, {place()}')
        return result


class NoListOfTheHost(TorchFunctionMode):
    """Fail if a list becomes a tensor, which makes a device wait."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        index = args[1:] if func is torch.Tensor.__getitem__ else ()
        if func in (torch.tensor, torch.as_tensor) or any(
            isinstance(part, list)
            for part in tree_leaves(index, is_leaf=lambda leaf: isinstance(leaf, list))
        ):
            raise AssertionError(f'{func} of {args}, {place()}')
        return func(*args, **(kwargs or {}))


def place():
    """Return the line of mmsemi that is running."""
    return [
        f'{frame.filename}:{frame.lineno}'
        for frame in traceback.extract_stack()
        if '/mmsemi/' in frame.filename
    ][-1:]


@pytest.fixture(autouse=True)
def meta_device(monkeypatch):
    """Replace the operations that ``meta`` does not support."""
    monkeypatch.setattr(torch, 'autocast', lambda *args, **kw: nullcontext())
    # The walk reads a number of steps, once; see test_propagation.py.
    monkeypatch.setattr(
        corrmatch,
        'propagate_labels',
        lambda label, confident, *args: (label, confident),
    )


def step(cfg, batch):
    model = MODELS.build(cfg).train().to('meta')
    if cfg['type'] == 'PrevMatch':
        model.guidance.models = [MODELS.build(cfg).eval().to('meta')]
        model.guidance.epoch, model.guidance.max_epochs = 1, 4
    batch = model.data_preprocessor.cast_data(batch)
    with NoTensorOfTheHost(), NoListOfTheHost():
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        assert all(value.device.type == 'meta' for value in losses.values())
        sum(v for k, v in losses.items() if k.startswith('loss')).backward()
    return model


@pytest.mark.parametrize('partner', [True, False])
@pytest.mark.parametrize('method', METHODS)
def test_a_step_stays_on_the_device(method, partner):
    model = step(
        tiny.network(type=method, **METHODS[method]), tiny.streams(partner=partner)
    )
    assert all(p.grad is not None for p in model.parameters())


def test_ohem_stays_on_the_device():
    cfg = tiny.network(type='FixMatch')
    cfg['decode_head'] = dict(
        cfg['decode_head'], loss_decode=dict(type='PixelOHEMLoss', min_kept=9)
    )
    step(cfg, tiny.streams())


def test_views_are_made_on_the_device():
    batch = tiny.streams()
    for name in ('unlabeled', 'partner'):
        batch[name]['draws'] = [
            dict(
                adjust=torch.tensor([[0, 3], [2, 1]]),
                factor=torch.rand(2, 2),
                gray=torch.tensor([True, False]),
                kernel=torch.full((2, 5), 0.2),
            )
            for _ in batch[name].pop('strong')
        ]
    step(tiny.network(type='UniMatch'), batch)


@pytest.mark.parametrize(
    'test_cfg',
    [
        dict(mode='whole'),
        dict(mode='windows', crop_size=(40, 40)),
        dict(mode='slide', crop_size=(40, 40), stride=(26, 26)),
    ],
)
def test_a_prediction_stays_on_the_device(test_cfg):
    cfg = tiny.network(type='Supervised')
    cfg['test_cfg'] = test_cfg
    model = MODELS.build(cfg).eval().to('meta')
    images = torch.empty(1, 3, 50, 70, device='meta')
    with torch.no_grad(), NoTensorOfTheHost(), NoListOfTheHost():
        logits = model.inference(images, [dict(ori_shape=(50, 70), img_shape=(50, 70))])
        assert logits.shape == (1, 4, 50, 70)
        assert tta_probabilities(model.logits, images).shape == (1, 4, 50, 70)


@MODELS.register_module()
class _AsksTheHost(EncoderDecoder):
    def __init__(self, ask, **kwargs):
        super().__init__(**kwargs)
        self.ask = ask

    def loss(self, inputs, data_samples=None):
        images = inputs['labeled']['weak']
        self.ask(images)
        return dict(loss=self.decode_head(self.extract_feat(images)).mean())


@pytest.mark.parametrize(
    'ask',
    [
        lambda images: images[:, [2, 1, 0]],
        lambda images: images[torch.arange(2)],
        lambda images: images * torch.tensor([1.0, 2, 3]).view(3, 1, 1),
        lambda images: images.cpu(),
        lambda images: float(images.mean()),
        lambda images: images[images > 0],
    ],
)
def test_operations_that_need_the_host_are_detected(ask):
    with pytest.raises((AssertionError, RuntimeError)):
        step(tiny.network(type='_AsksTheHost', ask=ask), tiny.streams())
