"""Find the network inside its wrappers."""

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import nn


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
