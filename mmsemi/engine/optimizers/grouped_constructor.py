"""One parameter group for all parameters with the same settings."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn
from torch.optim import Optimizer

from mmsemi.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupedParamsConstructor(DefaultOptimWrapperConstructor):
    """Put parameters with the same settings into one group of the optimiser.

    With a ``paramwise_cfg``, MMEngine gives every tensor a group of its own:
    optimiser and schedulers then handle hundreds of tensors one by one in every
    step.  In groups, tensors are updated together; update, learning rate and
    log of each are the same.

    Optimiser states of checkpoints with one group per tensor are converted
    when they are loaded.

    Args: as in :class:`mmengine.optim.DefaultOptimWrapperConstructor`.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser wrapper of a model."""
        self._places: list[list[int]] = []
        optim_wrapper = super().__call__(model)
        places = self._places

        def convert(optimizer: Optimizer, state: dict) -> dict | None:
            return _regroup(state, places)

        optim_wrapper.optimizer.register_load_state_dict_pre_hook(convert)
        return optim_wrapper

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: bool | None = None,
    ) -> None:
        """Add a module's parameters, grouped once the whole network is done."""
        super().add_params(params, module, prefix, is_dcn_module)
        if prefix:
            return
        groups: dict[str, Any] = {}
        places: dict[str, list[int]] = {}
        for i, single in enumerate(params):
            settings = {k: v for k, v in single.items() if k != 'params'}
            key = repr(sorted(settings.items()))
            group = groups.setdefault(key, dict(params=[], **settings))
            group['params'] += single['params']
            places.setdefault(key, []).append(i)
        params[:] = groups.values()
        self._places = list(places.values())


def _regroup(state: dict, places: list[list[int]]) -> dict | None:
    """Convert an optimiser's state with one group per tensor to our groups.

    Args:
        state (dict): State dict of an optimiser.
        places (list[list[int]]): For each group, the positions of its tensors
            among all tensors of the network.

    Returns:
        dict, optional: None if the state has other groups.
    """
    saved = state['param_groups']
    single = all(len(group['params']) == 1 for group in saved)
    if not single or len(saved) != sum(map(len, places)):
        return None
    groups = [
        dict(saved[group[0]], params=[saved[i]['params'][0] for i in group])
        for group in places
    ]
    return dict(state, param_groups=groups)
