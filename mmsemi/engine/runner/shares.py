"""Write and read whole checkpoints where processes hold shares of tensors."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from mmengine.dist import is_main_process
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer
from torch.utils._pytree import tree_map_only


@contextmanager
def whole_states(
    models: Sequence[nn.Module], optimizer: Optimizer | None
) -> Iterator[None]:
    """Let networks and optimizer give whole tensors in their states, in the block.

    All processes must enter.  Tensors are gathered one by one, and only the
    main process, which writes checkpoints, keeps them, on the CPU.  PyTorch's
    ``get_optimizer_state_dict`` gathers as well, but names moments by weight,
    where the optimizers' own format numbers them.

    Args:
        models (Sequence[nn.Module]): The networks.
        optimizer (Optimizer, optional): None leaves its state out.
    """
    with ExitStack() as hooks:
        for model in models:
            whole = _gather(model.state_dict())

            def put(model: nn.Module, state: dict, prefix: str, _, whole=whole) -> None:
                state.update({prefix + name: whole[name] for name in whole})

            hooks.callback(model.register_state_dict_post_hook(put).remove)
        if optimizer is not None:
            moments = _gather(optimizer.state_dict())
            handle = optimizer.register_state_dict_post_hook(lambda *_: moments)
            hooks.callback(handle.remove)
        yield


def _gather(state: Any) -> Any:
    """Gather the tensors of a state, for the main process; others get None."""

    def whole(share: DTensor) -> Tensor | None:
        tensor = share.full_tensor()
        return tensor.cpu() if is_main_process() else None

    with torch.no_grad():
        return tree_map_only(DTensor, whole, state)


def _share_of(tensor: Any, weight: Tensor) -> Any:
    """Cut a whole tensor as a weight is cut; return anything else as it is."""
    if (
        not isinstance(weight, DTensor)
        or not isinstance(tensor, Tensor)
        or isinstance(tensor, DTensor)
        or tensor.shape != weight.shape
    ):
        return tensor
    # Every process has read the checkpoint: nothing is sent.
    mesh, placements = weight.device_mesh, weight.placements
    tensor = tensor.to(mesh.device_type)
    return distribute_tensor(tensor, mesh, placements, src_data_rank=None)


def load_weights(model: nn.Module, state: dict, prefix: str, *_) -> None:
    """Cut the weights of a checkpoint; a hook of the network."""
    for name, weight in model.state_dict().items():
        if prefix + name in state:
            state[prefix + name] = _share_of(state[prefix + name], weight)


def load_moments(optimizer: Optimizer, state: dict) -> dict:
    """Cut the moments of a checkpoint; a hook of the optimizer."""
    weights = [weight for group in optimizer.param_groups for weight in group['params']]
    numbers = [i for group in state['param_groups'] for i in group['params']]
    moments = dict(state['state'])
    for i, weight in zip(numbers, weights, strict=True):
        if i in moments:
            moments[i] = {k: _share_of(v, weight) for k, v in moments[i].items()}
    return dict(state, state=moments)
