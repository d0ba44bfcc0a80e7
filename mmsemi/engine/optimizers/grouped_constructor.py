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

    ``paramwise_cfg=dict(layer_decay_rate=r)`` lowers the learning rate of a
    transformer layer by layer: block i of n trains with r^(n - i) times that
    of the rest (i from 0), its embeddings with r^(n + 1) (`BEiT
    <https://arxiv.org/abs/2106.08254>`_).  The backbone numbers its parts
    (``get_layer_depth``), as mmpretrain's transformers do.

    Args: as in :class:`mmengine.optim.DefaultOptimWrapperConstructor`.

    Raises:
        ValueError: The rate is not in (0, 1], or the backbone does not number
            its parts.
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
        rate = self.paramwise_cfg.get('layer_decay_rate')
        if rate is not None:
            self._decay_layers(params, module, rate)
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

    def _decay_layers(self, params: list[dict], model: nn.Module, rate: float) -> None:
        """Multiply the learning rate of each part of the backbone."""
        backbone = getattr(model, 'backbone', None)
        if not 0 < rate <= 1:
            raise ValueError(
                f'optim_wrapper.paramwise_cfg.layer_decay_rate={rate} must be in '
                '(0, 1].'
            )
        if not hasattr(backbone, 'get_layer_depth'):
            raise ValueError(
                f'optim_wrapper.paramwise_cfg.layer_decay_rate={rate} needs a '
                f'backbone that numbers its layers, and {type(backbone).__name__} '
                'does not: set it to None.'
            )
        factors = {}
        for name, parameter in backbone.named_parameters():
            depth, layers = backbone.get_layer_depth(name)
            factors[id(parameter)] = rate ** (layers - 1 - depth)
        for group in params:
            (parameter,) = group['params']
            if id(parameter) in factors:
                lr = group.get('lr', self.base_lr)
                group['lr'] = lr * factors[id(parameter)]


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
