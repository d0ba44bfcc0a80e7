"""Let a config's settings count in the unit of its train loop."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmsemi.registry import LOOPS, PARAM_SCHEDULERS

STOCK_LOOPS = ('IterBasedTrainLoop', 'EpochBasedTrainLoop')


def follow_loop(cfg: Config) -> Config:
    """Complete the settings that count epochs or iterations as the loop does.

    Training by iterations needs ``train_cfg`` alone: the log, checkpoints,
    schedules and the scores' x axis count iterations unless the config says
    what they count, and checkpoints are as far apart as validations.  A
    ``max_epochs`` that ``train_cfg`` inherits from a base is dropped.

    Args:
        cfg (Config): The config, which is changed in place.

    Returns:
        Config: The same config.

    Raises:
        ValueError: The loop lacks its length, or the length is in the other
            unit; settings that count epochs would have no effect in training
            by iterations.
    """
    train_cfg = cfg.get('train_cfg')
    if not train_cfg:
        return cfg
    loop = _resolve_loop(train_cfg)
    by_iter = issubclass(loop, IterBasedTrainLoop)
    hooks = cfg.get('default_hooks') or {}
    checkpoint, logger = hooks.get('checkpoint'), hooks.get('logger')
    if isinstance(checkpoint, dict) and 'interval' not in checkpoint:
        checkpoint['interval'] = train_cfg.get('val_interval', 1000) if by_iter else 1
    if not by_iter:
        return cfg
    if cfg.get('log_processor') is None:
        cfg.log_processor = {}
    counting = [
        ('log_processor', cfg.log_processor, 'by_epoch'),
        ('default_hooks.checkpoint', checkpoint, 'by_epoch'),
        ('default_hooks.logger', logger, 'log_metric_by_epoch'),
        *(
            (name, scheduler, 'by_epoch')
            for name, scheduler in named_schedulers(cfg.get('param_scheduler'))
            if not scheduler.get('convert_to_iter_based') and not _by_scores(scheduler)
        ),
    ]
    wrong = []
    for name, settings, key in counting:
        if isinstance(settings, dict) and settings.setdefault(key, False):
            wrong.append(f'{name}.{key}={settings[key]}')
    if wrong:
        raise ValueError(
            f'train_cfg.type={loop.__name__} trains by iterations, but these '
            f'settings count epochs, of which there are none: {", ".join(wrong)}. '
            'Set them to False, or remove them: they then follow the loop.'
        )
    return cfg


def named_schedulers(schedulers: Any, name: str = 'param_scheduler') -> Iterator:
    """Yield (name, settings) of each schedule of a config, as in a list or dict."""
    if isinstance(schedulers, list | tuple):
        for i, scheduler in enumerate(schedulers):
            yield from named_schedulers(scheduler, f'{name}[{i}]')
    elif isinstance(schedulers, dict) and 'type' in schedulers:
        yield name, schedulers
    elif isinstance(schedulers, dict):  # one for each of several optimisers
        for key, scheduler in schedulers.items():
            yield from named_schedulers(scheduler, f'{name}.{key}')


def _resolve_loop(train_cfg: dict) -> type:
    """Return the class of the train loop, whose settings are then its own."""
    if train_cfg.get('type') in STOCK_LOOPS and 'by_epoch' in train_cfg:
        # No base has `by_epoch`: it overrides an inherited type.
        train_cfg['type'] = STOCK_LOOPS[bool(train_cfg.pop('by_epoch'))]
    kind = train_cfg.get('type', STOCK_LOOPS[bool(train_cfg.get('by_epoch', True))])
    loop = LOOPS.get(kind) if isinstance(kind, str) else kind
    if loop is None:  # refused when it is built, with the names of all loops
        return object
    if issubclass(loop, IterBasedTrainLoop):
        epochs = train_cfg.pop('max_epochs', None)
        if 'max_iters' not in train_cfg:
            raise ValueError(
                f'train_cfg.type={loop.__name__} needs train_cfg.max_iters, the '
                'number of iterations'
                + (f', instead of max_epochs={epochs}.' if epochs else '.')
            )
    elif issubclass(loop, EpochBasedTrainLoop):
        if 'max_iters' in train_cfg:
            raise ValueError(
                f'train_cfg.max_iters={train_cfg["max_iters"]}, but '
                f'train_cfg.type={loop.__name__} counts epochs: set '
                'train_cfg.type=IterBasedTrainLoop, or max_epochs instead.'
            )
        if 'max_epochs' not in train_cfg:
            raise ValueError(
                f'train_cfg.type={loop.__name__} needs train_cfg.max_epochs, the '
                'number of epochs.'
            )
    return loop


def _by_scores(scheduler: dict) -> bool:
    """Return whether validations step a schedule, such as ReduceOnPlateauLR."""
    kind = scheduler['type']
    kind = PARAM_SCHEDULERS.get(kind) if isinstance(kind, str) else kind
    return getattr(kind, 'need_val_args', False)
