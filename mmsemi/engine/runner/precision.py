"""Select mixed precision, with one name for every device."""

from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log


def portable(optim_wrapper: dict[str, Any]) -> dict[str, Any]:
    """Replace MMEngine's ``AmpOptimWrapper`` by mmsemi's.

    MMEngine's needs an accelerator, and with it a fused optimiser that skips
    its first step starts with arbitrary momentum.
    :class:`mmsemi.engine.AutocastOptimWrapper` takes the same settings.

    Args:
        optim_wrapper (dict): A config's; it is not changed.
    """
    if optim_wrapper.get('type') != 'AmpOptimWrapper':
        return optim_wrapper
    changed = dict(optim_wrapper, type='AutocastOptimWrapper')
    changed.setdefault('dtype', None)
    return changed


def use_mixed_precision(cfg: Config) -> None:
    """Let a config train in mixed precision, or say that it already does.

    A wrapper that names no dtype gets float16 on a GPU and bfloat16 on a CPU.

    Args:
        cfg (Config): Config of a run; its ``optim_wrapper`` is changed.

    Raises:
        ValueError: The optimiser wrapper is of a kind that has no counterpart
            in mixed precision.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind == 'AutocastOptimWrapper' and wrapper.get('dtype', 'bfloat16'):
        print_log('The config is in mixed precision already: --amp changes nothing.')
        return
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper'):
        raise ValueError(
            f'--amp cannot change optim_wrapper.type={kind!r} to mixed precision. '
            "Leave --amp out, or set optim_wrapper.type='AutocastOptimWrapper'."
        )
    wrapper.type = 'AutocastOptimWrapper'
    if wrapper.get('dtype') is None:
        wrapper.dtype = 'bfloat16' if get_device() == 'cpu' else 'float16'
