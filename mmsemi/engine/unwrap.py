"""Find the network inside its wrappers, and its weights in their shares."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.distributed.fsdp import FSDPModule


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the network inside data-parallel and test-time wrappers.

    Args:
        model (nn.Module): The network itself, or wrapped by
            ``DistributedDataParallel``, ``BaseTTAModel``, or both.

    Returns:
        nn.Module: The network itself.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def student(runner: Runner) -> nn.Module:
    """Return the network that a runner trains or tests, unwrapped."""
    return unwrap_model(runner.model)


def units(*models: nn.Module) -> list[FSDPModule]:
    """Return the layers whose weights are gathered together, if they are sharded."""
    layers = (layer for model in models for layer in model.modules())
    found = [layer for layer in layers if isinstance(layer, FSDPModule)]
    return list(dict.fromkeys(found))  # in the same order on every process


@contextmanager
def whole_weights(*models: nn.Module) -> Iterator[None]:
    """Keep weights whole in the block, in which processes compute unlike amounts.

    All processes must enter it.  Nothing happens to networks that are not
    sharded.

    Args:
        *models (nn.Module): Networks; each may be part of another one.
    """
    gathered = units(*models)
    for unit in gathered:
        unit.set_reshard_after_forward(False, recurse=False)
        unit.unshard()
    try:
        yield
    finally:
        for unit in gathered:
            unit.reshard()
            unit.set_reshard_after_forward(True, recurse=False)
