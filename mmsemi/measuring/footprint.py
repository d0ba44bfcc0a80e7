"""Predict the memory of a training step without needing it."""

import copy
import math
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from mmsemi.engine.runner.batch import samples_per_step
from mmsemi.engine.runner.sharding import share_shape, units_of
from mmsemi.engine.runner.switches import apply_switches
from mmsemi.registry import MODELS
from mmsemi.structures import as_pastes
from mmsemi.utils.config import resolve_settings

from .guidance import lend_models

AT_A_TIME = 4  # weights, those of the next block, gradients, those being sent
BOXES = ('CutMixBoxes', 'ShareBoxes', 'CenteredBoxes')  # draw CutMix boxes


class Footprint(NamedTuple):
    """Bytes that one process needs.

    Attributes:
        held (int): Bytes held throughout training: weights, the optimizer's
            moments of those that train, and the models that guide the method;
            with ``sharding``, the share of them of a process.
        step (int): Peak during a step, ``held`` included.
    """

    held: int
    step: int


class FakeStep(NamedTuple):
    """A training step on tensors that have shapes but no contents.

    Attributes:
        held (int): See :class:`Footprint`.
        run (Callable): Does the step: forward, losses, backward.
        context (Callable): Returns the context that the forward runs in.
    """

    held: int
    run: Callable[[], None]
    context: Callable[[], AbstractContextManager]


def predict_footprint(cfg: Config, processes: int = 1) -> Footprint:
    """Predict the memory of a training step from the shapes of its tensors.

    Nothing is computed and no data are needed: every operation returns
    tensors of the right shape and precision without contents, and their bytes
    count from their creation until they are freed.  Not included is what a
    device needs besides: its context, the workspace of convolutions, gaps
    between tensors.

    With ``sharding`` and several processes, weights, gradients, moments and
    teacher count by the largest share, and activations as without it.  The step
    includes the weights that are gathered at a time: those of the largest block
    being computed and of the next, and in the backward pass its gradients and
    the buffer that sends those of the one before.

    Args:
        cfg (Config): Config of the training.
        processes (int): Number of processes that share the batch.

    Raises:
        ValueError: The batch is not divisible by the processes and the steps
            of an update.
    """
    with fake_step(cfg, processes) as step:
        return Footprint(step.held, step.held + peak_bytes(step.run))


@contextmanager
def fake_step(cfg: Config, processes: int = 1) -> Iterator[FakeStep]:
    """Build a training step that runs, without contents, inside the block.

    Args:
        cfg (Config): As in :func:`predict_footprint`.
        processes (int): As in :func:`predict_footprint`.
    """
    init_default_scope('mmsemi')
    cfg = resolve_settings(copy.deepcopy(cfg))
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = MODELS.build(cfg.model).train()
        copies = 1 + lend_models(cfg, model)
        apply_switches(model, cfg)
        shares = processes if cfg.get('sharding') else 1
        trained = sum(_share(p, shares) for p in model.parameters() if p.requires_grad)
        momentum = moments(cfg.optim_wrapper.optimizer) * trained
        # What is no parameter is on every process.
        weights = sum(_bytes(t) for t in model.state_dict().values())
        weights -= sum(_bytes(p) - _share(p, shares) for p in model.parameters())
        held = momentum + int(copies * weights)
        batch = _streams(cfg, samples_per_step(cfg, processes))
        context = _precision(cfg)
        if shares > 1:
            _keep_shares_of_gradients(model, shares)

        def run() -> None:
            gathered = _gathered(model) if shares > 1 else None
            with context():
                losses = model(**model.data_preprocessor(batch, True), mode='loss')
            model.parse_losses(losses)[0].backward()
            model.zero_grad()
            del gathered

        yield FakeStep(held, run, context)


def _keep_shares_of_gradients(model: nn.Module, shares: int) -> None:
    """Let each gradient be followed by the share of a process, as when sharded."""

    def reduce(weight: nn.Parameter) -> None:
        weight.share = weight.new_empty(share_shape(weight, shares))
        weight.grad = None

    for weight in model.parameters():
        if weight.requires_grad:
            weight.register_post_accumulate_grad_hook(reduce)


def _gathered(model: nn.Module) -> Tensor:
    """Return a tensor of the size of what sharding gathers at a time."""
    sizes = [sum(map(torch.numel, weights)) for weights in units_of(model)]
    return torch.empty(AT_A_TIME * max(sizes))


def moments(optimizer: dict) -> int:
    """Return how many numbers an optimizer keeps for each weight that it trains."""
    if 'Adam' in optimizer.type:
        return 2
    return 1 if optimizer.get('momentum') or optimizer.type != 'SGD' else 0


def peak_bytes(run: Callable[[], None]) -> int:
    """Count the bytes of tensors that a call holds at its peak.

    Tensors that exist before the call do not count.
    """
    with _Counted() as counted:
        run()
    return counted.peak


class _Counted(TorchDispatchMode):
    """Count the bytes of all tensors from their creation until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.peak = 0
        self._known = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        # What comes in uncounted was there before; views of it are no tensors more.
        tree_map_only(
            Tensor, lambda t: self._known.add(t.untyped_storage()), (args, kwargs)
        )
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


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _share(weight: Tensor, shares: int) -> int:
    return math.prod(share_shape(weight, shares)) * weight.element_size()


def _streams(cfg: Config, samples: int) -> dict[str, dict[str, Tensor]]:
    """Make a batch like the loader's, without contents."""
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
        numbers = {
            t.type: t.get('num_views', 1) for t in loader.dataset.unlabeled_pipeline
        }
        views = numbers.get('StrongViews', 0)
        num_boxes = max((numbers.get(kind, 0) for kind in BOXES), default=0)
        stream = dict(
            weak=images(unlabeled, channels), valid=images(unlabeled, dtype=torch.bool)
        )
        boxes = as_pastes([[0, 0, width // 2, height // 2]] * unlabeled)
        stream['strong'] = [images(unlabeled, channels) for _ in range(views)]
        stream['boxes'] = [boxes] * num_boxes
        streams['unlabeled'] = stream
        if loader.sampler.get('partner', 'independent') != 'in_batch':
            streams['partner'] = tree_map_only(Tensor, torch.clone, stream)
    return streams


def _precision(cfg: Config) -> Callable[[], AbstractContextManager]:
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('AmpOptimWrapper', 'AutocastOptimWrapper'):
        return nullcontext
    return lambda: torch.autocast('cpu', torch.bfloat16)
