"""Measure the time and memory of a training step."""

import time
from itertools import islice
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch.utils.data import Dataset

from mmsemi.datasets import stack_streams
from mmsemi.registry import DATA_SAMPLERS, MODELS

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
    """

    memory: int
    step: float
    load: float
    steps: int
    epoch: float
    how: str


def measure_cost(cfg: Config, dataset: Dataset, batch_size: int) -> Cost:
    """Run a training step on real samples and measure it.

    On a GPU, memory is PyTorch's own peak, in a second step.  On the CPU, it
    is an estimate for a GPU: weights, gradients, momentum and every tensor
    that autograd keeps for the backward pass, without temporary ones.  The
    backbone has random weights.  A guided method has as many models as it may
    have in the training.

    Args:
        cfg (Config): Config of the training.
        dataset (SemiSegDataset): Its training set.
        batch_size (int): Samples of one process in a step.
    """
    loader = cfg.train_dataloader
    sampler = DATA_SAMPLERS.build(
        dict(loader.sampler), default_args=dict(dataset=dataset, seed=0)
    )
    start = time.perf_counter()
    batch = stack_streams([dataset[i] for i in islice(iter(sampler), batch_size)])
    load = time.perf_counter() - start

    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(cfg.model).to(device).train()
    lent = int(lend_models(cfg, model) * parameter_bytes(model))
    if device == 'cuda':
        train_step(model, batch)  # the first step also selects kernels
        torch.cuda.reset_peak_memory_stats()
        step = train_step(model, batch)
        momentum = parameter_bytes(model)
        others = max(lent - parameter_bytes(model), 0)  # besides the first copy
        memory = torch.cuda.max_memory_allocated() + momentum + others
        how = 'measured on the GPU'
    else:
        kept = KeptTensors(model)
        with kept:
            step = train_step(model, batch)
        memory = 3 * parameter_bytes(model) + kept.bytes + lent
        how = (
            'memory estimated from weights, gradients, momentum and what '
            'the backward pass keeps; time measured on the CPU'
        )
    steps = len(sampler) // batch_size
    workers = max(loader.get('num_workers', 0), 1)
    return Cost(memory, step, load, steps, steps * max(step, load / workers), how)


def train_step(model: torch.nn.Module, batch: dict) -> float:
    """Run the forward and backward pass; return the seconds."""
    start = time.perf_counter()
    data = model.data_preprocessor(batch, True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    if loss.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def parameter_bytes(model: torch.nn.Module) -> int:
    """Count the bytes of a network's parameters."""
    return sum(p.numel() * p.element_size() for p in model.parameters())


class KeptTensors(torch.autograd.graph.saved_tensors_hooks):
    """Count the bytes that autograd keeps for the backward pass.

    Args:
        model (nn.Module): Network whose parameters do not count.
    """

    def __init__(self, model: torch.nn.Module) -> None:
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
