"""Parameters that are treated alike, in one group of the optimiser."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn
from torch.optim import Optimizer

from mmsemi.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupedParamsConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, with a group for all parameters of a kind.

    MMEngine gives every tensor a group of its own as soon as there is a
    ``paramwise_cfg``.  Optimiser and schedulers then go from tensor to
    tensor, hundreds of times in a step, and nothing can be done to many at
    once.  Here tensors with the same settings share a group; every one gets
    the same update, learning rate and log as there.

    An optimiser's state from a checkpoint with a group per tensor is taken
    over.

    Args: as in :class:`mmengine.optim.DefaultOptimWrapperConstructor`.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        self._places: list[list[int]] = []
        optim_wrapper = super().__call__(model)
        places = self._places

        def take_over(optimizer: Optimizer, state: dict) -> dict | None:
            return _regroup(state, places)

        optim_wrapper.optimizer.register_load_state_dict_pre_hook(take_over)
        return optim_wrapper

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: bool | None = None,
    ) -> None:
        """As in MMEngine; grouped where the whole network is through."""
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
    """An optimiser's state with a group per tensor, in our groups.

    Args:
        state (dict): State dict of an optimiser.
        places (list[list[int]]): Of each group's tensors in the network.

    Returns:
        dict, optional: None for a state that has other groups.
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
