"""Measure the time and memory of a training step."""

import time
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn
from torch.utils.data import Dataset, Sampler

from mmsemi.datasets import stack_streams
from mmsemi.engine.runner.precision import portable
from mmsemi.engine.runner.switches import apply_switches
from mmsemi.registry import DATA_SAMPLERS, MODELS

from .footprint import moments
from .guidance import lend_models


class Cost(NamedTuple):
    """Time and memory of training in one process.

    Attributes:
        memory (int): Peak bytes during a step.
        step (float): Seconds of a step, without loading.
        load (float): Seconds to load the samples of a step in one worker.
        steps (int): Steps of an epoch.
        epoch (float): Seconds of an epoch, as long as the slower of network
            and workers needs.
        how (str): How ``memory`` and ``step`` were obtained.
        shared (float): Share of the step's time in which other programs had the
            processors, about; 0 on a GPU.
    """

    memory: int
    step: float
    load: float
    steps: int
    epoch: float
    how: str
    shared: float = 0.0


def measure_cost(cfg: Config, dataset: Dataset, batch_size: int) -> Cost:
    """Run a training step on real samples and measure it.

    On a GPU, memory is PyTorch's own peak, in a second step.  On the CPU, it
    is an estimate for a GPU: weights, gradients, the optimizer's moments and
    every tensor that autograd keeps for the backward pass, without temporary
    ones.  The backbone has random weights.  A guided method has as many models
    as it may have in the training.

    Args:
        cfg (Config): Config of the training.
        dataset (SemiSegDataset): Its training set.
        batch_size (int): Samples of one process in a step.
    """
    loader = cfg.train_dataloader
    start = time.perf_counter()
    batch = load_batch(cfg, dataset, batch_size)
    load = time.perf_counter() - start

    model, lent = build_method(cfg)
    step, memory = measure_step(cfg, model, batch, lent)
    how = 'measured on the GPU'
    if not on_gpu(model):
        how = (
            "memory estimated from weights, gradients, the optimizer's moments and "
            'what the backward pass keeps; time measured on the CPU'
        )
    steps = len(_sampler(cfg, dataset)) // batch_size
    workers = max(loader.get('num_workers', 0), 1)
    epoch = steps * max(step.seconds, load / workers)
    shared = max(1 - step.busy / step.seconds, 0)  # one thread at least
    return Cost(memory, step.seconds, load, steps, epoch, how, shared)


def load_batch(cfg: Config, dataset: Dataset, samples: int) -> dict:
    """Load the first samples of a training, as one batch."""
    indices = islice(iter(_sampler(cfg, dataset)), samples)
    return stack_streams([dataset[i] for i in indices])


def _sampler(cfg: Config, dataset: Dataset) -> Sampler:
    return DATA_SAMPLERS.build(
        dict(cfg.train_dataloader.sampler), default_args=dict(dataset=dataset, seed=0)
    )


def build_method(cfg: Config) -> tuple[nn.Module, int]:
    """Build a method for a step, with the models that guide it.

    Returns:
        tuple[nn.Module, int]: The method, on the GPU if there is one, and the
        bytes of the models that its hooks keep.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(cfg.model).to(device).train()
    lent = int(lend_models(cfg, model) * parameter_bytes(model))
    apply_switches(model, cfg)
    return model, lent


def measure_step(
    cfg: Config, model: nn.Module, batch: dict, lent: int = 0
) -> tuple['Time', int]:
    """Measure a training step on a batch.

    Args:
        cfg (Config): Config of the training.
        model (nn.Module): See :func:`build_method`.
        batch (dict): As the loader stacks it.
        lent (int): See :func:`build_method`.

    Returns:
        tuple[Time, int]: Its time, and its peak memory in bytes.
    """
    state = moments(cfg.optim_wrapper.optimizer)
    trained = sum(p.nbytes for p in model.parameters() if p.requires_grad)
    if on_gpu(model):
        train_step(model, batch, cfg)  # the first step also selects kernels
        torch.cuda.reset_peak_memory_stats()
        step = train_step(model, batch, cfg)
        others = max(lent - parameter_bytes(model), 0)  # besides the first copy
        peak = torch.cuda.max_memory_allocated()
        return step, peak + state * trained + others
    kept = KeptTensors(model)
    with kept:
        step = train_step(model, batch, cfg)
    return step, parameter_bytes(model) + (1 + state) * trained + kept.bytes + lent


def measure_prediction(cfg: Config, dataset: Dataset) -> tuple[float, float]:
    """Measure the prediction of a validation image, and its loading, in seconds.

    Args:
        cfg (Config): Config of the training.
        dataset (ListSegDataset): The validation images.
    """
    start = time.perf_counter()
    batch = pseudo_collate([dataset[0]])
    load = time.perf_counter() - start
    model, _ = build_method(cfg)
    model.eval()
    start = time.perf_counter()
    with torch.no_grad():
        model(**model.data_preprocessor(batch, False), mode='predict')
    if on_gpu(model):
        torch.cuda.synchronize()
    return time.perf_counter() - start, load


class Time(NamedTuple):
    """How long something took.

    Attributes:
        seconds (float): On the clock.
        busy (float): Seconds of processors; on a CPU, other programs have little
            influence on it.
    """

    seconds: float
    busy: float


def train_step(model: nn.Module, batch: dict, cfg: Config) -> Time:
    """Run the forward and backward pass of a config; return the time."""
    start, busy = time.perf_counter(), time.process_time()
    data = model.data_preprocessor(batch, True)
    with mixed_precision(cfg, 'cuda' if on_gpu(model) else 'cpu'):
        losses = model(**data, mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    if loss.is_cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    busy = time.process_time() - busy
    return Time(seconds, seconds if loss.is_cuda else busy)


def mixed_precision(cfg: Config, device: str) -> AbstractContextManager:
    """Return the context that a config's forward pass runs in on a device."""
    wrapper = portable(cfg.optim_wrapper)
    dtype = wrapper.get('dtype', 'bfloat16')
    if wrapper.get('type') != 'AutocastOptimWrapper':
        return nullcontext()
    if dtype is None:  # float16 where it is fast
        dtype = 'float16' if device == 'cuda' else 'float32'
    if dtype == 'float32':
        return nullcontext()
    return torch.autocast(device, getattr(torch, dtype))


def on_gpu(model: nn.Module) -> bool:
    """Tell whether a network is on a GPU."""
    return next(model.parameters()).is_cuda


def parameter_bytes(model: nn.Module) -> int:
    """Count the bytes of a network's parameters."""
    return sum(p.numel() * p.element_size() for p in model.parameters())


class KeptTensors(torch.autograd.graph.saved_tensors_hooks):
    """Count the bytes that autograd keeps for the backward pass.

    Args:
        model (nn.Module): Network whose parameters do not count.
    """

    def __init__(self, model: nn.Module) -> None:
        self._own = {p.untyped_storage().data_ptr() for p in model.parameters()}
        self._kept = {}
        super().__init__(self._keep, lambda tensor: tensor)

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._own:
            self._kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    @property
    def bytes(self) -> int:
        """Bytes kept so far, each storage counted once."""
        return sum(self._kept.values())
