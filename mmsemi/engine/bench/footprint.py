"""The memory that a step takes, without taking it."""

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple
from unittest.mock import patch

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from mmsemi.models.methods import corrmatch
from mmsemi.registry import MODELS
from mmsemi.structures.paste import as_pastes

from ..runner.switches import apply_switches
from .floor import BareNetwork


class Footprint(NamedTuple):
    """Bytes of one process.

    Attributes:
        held (int): All the time: weights, momentum, models that guide.
        step (int): At most in a step, ``held`` included.
        floor (int): The same of the bare network (:class:`BareNetwork`).
    """

    held: int
    step: int
    floor: int


def predict_footprint(cfg: Config, processes: int = 1) -> Footprint:
    """Follow a step of training through its tensors' shapes.

    Nothing is computed and no data are needed: every operation gives tensors
    of the right shape and precision without contents, and their bytes are
    counted from their making to their end.  What a device needs besides
    (its context, the workspace of convolutions, gaps between tensors) is not
    in it.

    Args:
        cfg (Config): Of a run.
        processes (int): That share its batch.

    Raises:
        ValueError: The batch is not divided by the processes and the steps
            of an update.
    """
    init_default_scope('mmsemi')
    with (
        FakeTensorMode(allow_non_fake_inputs=True),
        patch.object(corrmatch, 'propagate_labels', _unwalked),
    ):
        model = MODELS.build(cfg.model).train()
        apply_switches(model, cfg)
        weights = sum(_bytes(t) for t in model.state_dict().values())
        held = weights + sum(_bytes(p) for p in model.parameters())
        held += _guide(model, cfg, weights)
        batch = _streams(cfg, samples_per_step(cfg, processes))
        context = _precision(cfg)

        def step() -> None:
            with context():
                losses = model(**model.data_preprocessor(batch, True), mode='loss')
            model.parse_losses(losses)[0].backward()
            model.zero_grad()

        floor = BareNetwork(step, context)
        peaks = [held + _peak(run) for run in (step, floor.run)]
    return Footprint(held, *peaks)


def samples_per_step(cfg: Config, processes: int) -> int:
    """Samples that a process has in a step."""
    if 'batch_size' in cfg.train_dataloader:
        return cfg.train_dataloader.batch_size
    parts = processes * cfg.optim_wrapper.get('accumulative_counts', 1)
    if cfg.total_batch_size % parts:
        raise ValueError(
            f'total_batch_size={cfg.total_batch_size} cannot be divided among '
            f'{processes} processes and the steps of an update.'
        )
    return cfg.total_batch_size // parts


class _Counted(TorchDispatchMode):
    """Counts the bytes of all tensors that are made, until they end."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._known = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._count, result)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._known:
            return
        self._known.add(storage)
        size = storage.nbytes()
        self.held += size
        self.peak = max(self.peak, self.held)
        weakref.finalize(storage, self._forget, size)

    def _forget(self, size: int) -> None:
        self.held -= size


def _peak(run: Callable[[], None]) -> int:
    with _Counted() as counted:
        run()
    return counted.peak


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _streams(cfg: Config, samples: int) -> dict[str, dict[str, Tensor]]:
    """A batch as the loader gives it, without contents."""
    loader = cfg.train_dataloader
    pipeline = loader.dataset.labeled_pipeline
    height, width = next(t.crop_size for t in pipeline if 'crop_size' in t)
    channels = cfg.model.backbone.get('in_channels', 3)
    labeled, unlabeled = (
        samples * count for count in loader.sampler.get('ratio', (1, 1))
    )

    def images(num: int, *shape: int, dtype=torch.uint8) -> Tensor:
        return torch.empty(num, *shape, height, width, dtype=dtype)

    streams = dict(labeled=dict(weak=images(labeled, channels), mask=images(labeled)))
    if unlabeled:
        views = next(
            t.get('num_views', 1)
            for t in loader.dataset.unlabeled_pipeline
            if t.type == 'StrongViews'
        )
        stream = dict(
            weak=images(unlabeled, channels), valid=images(unlabeled, dtype=torch.bool)
        )
        for i in range(1, views + 1):
            stream[f'strong{i}'] = images(unlabeled, channels)
            stream[f'box{i}'] = as_pastes([[0, 0, width // 2, height // 2]] * unlabeled)
        streams['unlabeled'] = stream
        if loader.sampler.get('partner', 'independent') != 'in_batch':
            streams['partner'] = {
                key: value.clone()
                for key, value in stream.items()
                if torch.is_tensor(value)
            }
    return streams


def _precision(cfg: Config) -> Callable[[], AbstractContextManager]:
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('AmpOptimWrapper', 'AutocastOptimWrapper'):
        return nullcontext
    return lambda: torch.autocast('cpu', torch.bfloat16)


def _guide(model: nn.Module, cfg: Config, weights: int) -> int:
    """Lend models to a method that asks for some; bytes that they take."""
    guidance = getattr(model, 'guidance', None)
    copies = 0.0
    for hook in cfg.get('custom_hooks', ()):
        if hook.type == 'EMATeacherHook':
            copies += 1
        elif hook.type == 'PreviousModelsHook':
            copies += 1
            if hook.get('device', 'model') == 'model':
                share = 0.5 if hook.get('dtype') == 'half' else 1
                copies += share * hook.get('max_models', 8)
    if guidance is not None:
        guide = _Guide(MODELS.build(cfg.model).eval())
        guidance.models = [guide] * 8
        guidance.epoch, guidance.max_epochs = 1, 2
    return int(copies * weights)


class _Guide:
    """A frozen model, as :class:`PreviousModel` has it."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        return self.network.logits(images)


def _unwalked(label: Tensor, confident: Tensor, *args):
    """Stands in for what looks at the contents of tensors."""
    return label.clone(), confident.clone()
