"""What a training step takes."""

import time
from copy import deepcopy
from itertools import islice
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch.utils.data import Dataset

from mmsemi.datasets import stack_streams
from mmsemi.engine.hooks.guidance_hook import GuidanceHook
from mmsemi.registry import DATA_SAMPLERS, HOOKS, MODELS


class Cost(NamedTuple):
    """Of training on one process.

    Attributes:
        memory (int): Bytes at the fullest moment of a step.
        step (float): Seconds of a step, without loading.
        load (float): Seconds to load a step's samples in one worker.
        steps (int): Of an epoch.
        epoch (float): Seconds of an epoch, the slower of network and workers
            deciding.
        how (str): How ``memory`` and ``step`` were come by.
    """

    memory: int
    step: float
    load: float
    steps: int
    epoch: float
    how: str


def measure_cost(cfg: Config, dataset: Dataset, batch_size: int) -> Cost:
    """Do a step of training on real samples and look at it.

    On a GPU memory is PyTorch's own peak, in a second step.  On the CPU it is
    an estimate of what a GPU would need: weights, gradients and momentum, and
    every tensor that autograd keeps for the backward pass, without the
    temporary ones.  The backbone starts from random weights.  A method that
    other models guide has as many of them as it may come to have.

    Args:
        cfg (Config): Of a run.
        dataset (SemiSegDataset): What it trains on.
        batch_size (int): Samples per step on a process.
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
    lent = lend_copies(cfg, model) * parameter_bytes(model)
    if device == 'cuda':
        train_step(model, batch)  # the first one also chooses kernels
        torch.cuda.reset_peak_memory_stats()
        step = train_step(model, batch)
        momentum = parameter_bytes(model)
        others = max(lent - parameter_bytes(model), 0)  # than the first copy
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


def lend_copies(cfg: Config, model: torch.nn.Module) -> int:
    """Guide a method as in the middle of a run, by copies of itself.

    Returns:
        int: How many models the run's hooks will lend it.
    """
    guidance = getattr(model, 'guidance', None)
    if guidance is None:
        return 0
    hooks = [HOOKS.build(hook) for hook in cfg.get('custom_hooks', [])]
    count = sum(
        getattr(hook, 'max_models', 1)
        for hook in hooks
        if isinstance(hook, GuidanceHook)
    )
    copy = deepcopy(model).eval().requires_grad_(False)
    guidance.models = [copy] * count or None
    guidance.epoch, guidance.max_epochs = 1, 2
    return count


def train_step(model: torch.nn.Module, batch: dict) -> float:
    """Forward and backward; seconds."""
    start = time.perf_counter()
    data = model.data_preprocessor(batch, True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    if loss.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def parameter_bytes(model: torch.nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in model.parameters())


class KeptTensors(torch.autograd.graph.saved_tensors_hooks):
    """Counts the bytes that autograd keeps, each storage once.

    Args:
        model (nn.Module): Its parameters are not counted.
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
        return sum(self._kept.values())
