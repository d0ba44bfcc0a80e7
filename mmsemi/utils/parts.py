"""Check the parts of a config that no constructor checks.

MMEngine reads these dicts key by key and ignores unknown keys.
"""

import inspect
from collections.abc import Collection, Iterator
from typing import Any

from mmengine.dist import init_dist
from mmengine.runner import Runner
from mmengine.runner.utils import set_random_seed
from torch.distributed import init_process_group
from torch.utils.data import DataLoader

from .settings import nearest

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
DICTS = (
    *LOADERS,
    *('auto_scale_lr', 'default_hooks', 'env_cfg', 'model', 'optim_wrapper'),
    *('randomness', 'self_training', 'test_cfg', 'train_cfg', 'val_cfg', 'visualizer'),
)
MULTIPLIERS = ('lr_mult', 'decay_mult')


def _parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters) - {'self'}


_LOADER = _parameters(DataLoader) | {
    'disable_subprocess_warning',
    'num_batch_per_epoch',
}
KEYS: dict[str, Collection[str]] = {
    **dict.fromkeys(LOADERS, _LOADER),
    'auto_scale_lr': ('enable', 'base_batch_size'),
    'env_cfg': ('cudnn_benchmark', 'dist_cfg', 'mp_cfg', 'resource_limit'),
    'env_cfg.mp_cfg': ('mp_start_method', 'opencv_num_threads'),
    'env_cfg.dist_cfg': (_parameters(init_dist) | _parameters(init_process_group))
    - {'launcher', 'kwargs'},
    'randomness': _parameters(Runner.set_randomness) | _parameters(set_random_seed),
}
# For MMEngine's constructor and mmsemi's; others have other keys.
CONSTRUCTORS = (None, 'DefaultOptimWrapperConstructor', 'GroupedParamsConstructor')
PARAMWISE = (
    *('bias_lr_mult', 'bias_decay_mult', 'bypass_duplicate', 'custom_keys'),
    *('dcn_offset_lr_mult', 'dwconv_decay_mult', 'flat_decay_mult', 'norm_decay_mult'),
)
GROUPED = ('layer_decay_rate',)  # GroupedParamsConstructor alone


def check_parts(cfg: dict) -> None:
    """Check the types of a config's parts, and the keys of those read key by key.

    Args:
        cfg (dict): A config.

    Raises:
        ValueError: A part is not a dict, or has a key that nothing reads.
    """
    for name in DICTS:
        value = cfg.get(name)
        if isinstance(value, bool | int | float | str | list | tuple):
            raise ValueError(f'{name}={value!r} must be a dict.')
    hooks = cfg.get('custom_hooks')
    if hooks is not None and not isinstance(hooks, list | tuple):
        raise ValueError(f'custom_hooks={hooks!r} must be a list of hooks.')
    for name, hook in (cfg.get('default_hooks') or {}).items():
        if isinstance(hook, dict) and 'type' not in hook:
            known = [key for key in cfg['default_hooks'] if key != name]
            raise ValueError(
                f'default_hooks.{name}={dict(hook)!r} has no type'
                f'{nearest(name, known) or ": it changes no hook."}'
            )
    for path, part, known in _keyed(cfg):
        for key in part:
            if key not in known and key != '_scope_':
                raise ValueError(
                    f'{path}.{key}={part[key]!r}: nothing reads {key}'
                    f'{nearest(key, known) or _listed(known)}'
                )


def _keyed(cfg: dict) -> Iterator[tuple[str, dict, Collection[str]]]:
    """Yield path, content and known keys of each part that is read key by key."""
    parts = [(path, _part(cfg, path), known) for path, known in KEYS.items()]
    paramwise = 'optim_wrapper.paramwise_cfg'
    constructor = (_part(cfg, 'optim_wrapper') or {}).get('constructor')
    if constructor in CONSTRUCTORS:
        own = GROUPED if constructor == 'GroupedParamsConstructor' else ()
        parts.append((paramwise, _part(cfg, paramwise), (*PARAMWISE, *own)))
        for name, each in (_part(cfg, f'{paramwise}.custom_keys') or {}).items():
            parts.append((f'{paramwise}.custom_keys.{name}', each, MULTIPLIERS))
    for path, part, known in parts:
        if isinstance(part, dict):
            yield path, part, known


def _part(cfg: dict, path: str) -> Any:
    node: Any = cfg
    for key in path.split('.'):
        node = node.get(key) if hasattr(node, 'get') else None
    return node


def _listed(known: Collection[str]) -> str:
    return f'. It takes {", ".join(sorted(known))}.'
