"""Find settings with which a training takes less time or memory, and measure them."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from torch.utils.data import Dataset

from mmsemi.engine.runner.batch import samples_per_step, steps_per_update
from mmsemi.preparation.methods import METHODS
from mmsemi.preparation.own.record import FILE as RECORD
from mmsemi.registry import DATASETS
from mmsemi.utils.invocation import command
from mmsemi.utils.shipped import CONFIGS

from .cost import build_method, load_batch, measure_step

FEW = 2  # samples of a trial: the fewest that BatchNorm can normalise
LITE0 = CONFIGS / '_base_/models/deeplabv3plus_lite0.py'
ACCUMULATE = 'optim_wrapper.accumulative_counts'


class Saving(NamedTuple):
    """Another setting, and what is left of time and memory with it.

    Attributes:
        what (str): The setting in words.
        how (str): What to type.
        time (float): Seconds of a step with it, as a share of those without.
        memory (float): Likewise its peak memory.
        network (bool): Whether it changes the network rather than its input.
    """

    what: str
    how: str
    time: float
    memory: float
    network: bool


class Change(NamedTuple):
    """A setting to try.

    Attributes:
        what (str): The setting in words.
        settings (dict): With dotted names, as in ``--cfg-options``.
        how (str): What to type, if it is more than these settings.
        model (dict, optional): Replaces ``model``.
    """

    what: str
    settings: dict[str, Any]
    how: str = ''
    model: dict | None = None


def changes(cfg: Config, gpu: bool) -> Iterator[Change]:
    """Yield what may lower the cost of a step; nothing that does not apply.

    Args:
        cfg (Config): Config of the training, with its settings resolved.
        gpu (bool): Whether it trains on a GPU.
    """
    backbone = cfg.model.backbone
    crop = cfg.get('crop_size')
    side = min(crop) if isinstance(crop, list | tuple) else crop or 0
    multiple = 14 if backbone.type == 'DINOv2' else 32
    smaller = side // 2 // multiple * multiple + (multiple == 32)
    if 33 <= smaller < side:
        yield Change(f'crop of {smaller} instead of {side}', dict(crop_size=smaller))
    if (
        backbone.type.startswith('ResNet')
        and 1 in list(backbone.get('strides', ()))[2:]
    ):
        yield Change(
            'output stride 32',
            {
                'model.backbone.strides': (1, 2, 2, 2),
                'model.backbone.dilations': (1, 1, 1, 1),
            },
        )
    elif backbone.get('output_stride', 32) < 32:
        yield Change('output stride 32', {'model.backbone.output_stride': 32})
    if backbone.get('frozen_stages', -1) == -1 and backbone.get('init_cfg'):
        stages = 6 if backbone.type == 'DINOv2' else 2
        if backbone.type.startswith(('ResNet', 'EfficientNetLite', 'DINOv2')):
            yield Change(
                f'the first {stages} stages of the backbone frozen',
                {'model.backbone.frozen_stages': stages},
            )
    if backbone.type.startswith('ResNet') and backbone.get('in_channels', 3) == 3:
        yield Change(
            'EfficientNet-Lite0 as backbone', {}, lite0_how(cfg), lite0_model(cfg)
        )
    if gpu and cfg.optim_wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        yield Change('mixed precision', {'optim_wrapper.type': 'AutocastOptimWrapper'})


def memory_changes(cfg: Config) -> Iterator[Change]:
    """Yield what lowers the memory of a step, but not the time of a training."""
    samples, steps = samples_per_step(cfg), steps_per_update(cfg)
    if samples >= 2 * FEW and samples % 2 == 0 and cfg.get('total_batch_size'):
        yield Change(
            f'batches of {samples // 2}, {2 * steps} for each update',
            {ACCUMULATE: 2 * steps},
        )
    if not cfg.get('gradient_checkpointing'):
        yield Change(
            'features computed again in the backward pass',
            dict(gradient_checkpointing=True),
        )


def lite0_how(cfg: Config) -> str:
    """Return how a config gets EfficientNet-Lite0: one of own data is written anew."""
    file = Path(cfg.filename or '')
    named = [method for method in METHODS if file.stem.startswith(f'{method}_')]
    if named and (file.parent / RECORD).is_file():
        method = max(named, key=len)
        init = command('init')
        return f'{init} --out {file.parent} --method {method} --backbone lite0'
    return 'the backbone and decode head of _base_/models/deeplabv3plus_lite0.py'


def lite0_model(cfg: Config) -> dict:
    """Return a config's model with EfficientNet-Lite0 in place of its network."""
    model = copy.deepcopy(cfg.model)
    small = Config.fromfile(str(LITE0)).model
    small.backbone.init_cfg = None
    small.decode_head.num_classes = model.decode_head.num_classes
    for part in ('backbone', 'decode_head'):
        model[part] = small[part]
    model.data_preprocessor.update(small.data_preprocessor)
    if model.get('correlation'):
        model.correlation.update(in_channels=320, channels=64)
    return model


def measure_savings(
    cfg: Config, wanted: list[Change], starting: Callable[[str], None]
) -> list[Saving]:
    """Measure a step with each of some settings, and without them.

    A step of a trial has two samples, so that it takes a fraction of a
    configured one; what is left of time and memory is about the same.

    Args:
        cfg (Config): Config of the training.
        wanted (list[Change]): What to try.
        starting (Callable): Is told what is measured next.

    Returns:
        list[Saving]: Those that lower time or memory; a setting that does not
        work with this config is left out.
    """
    starting('a small step as configured')
    as_it_is = Change('', {})
    before = _trial(cfg, as_it_is)
    found = []
    for change in wanted:
        starting(f'a small step with {change.what}')
        try:
            if ACCUMULATE in change.settings:  # twice as many steps of half the size
                double = _trial(cfg, as_it_is, 2 * FEW)
                time, memory = before[0], before[1] ** 2 / double[1]
            else:
                time, memory = _trial(cfg, change)
        except (RuntimeError, ValueError):
            continue  # such as stride 32 with a head that needs 16
        saving = Saving(
            change.what,
            how_to(change),
            time / before[0],
            memory / before[1],
            'crop_size' not in change.settings,
        )
        if min(saving.time, saving.memory) < 0.95:
            found.append(saving)
    return found


def how_to(change: Change) -> str:
    """Return what to type for a setting."""
    values = ' '.join(
        f'{k}={",".join(map(str, v)) if isinstance(v, tuple) else v}'
        for k, v in change.settings.items()
    )
    return change.how or f'--cfg-options {values}'


def _trial(cfg: Config, change: Change, samples: int = FEW) -> tuple[float, int]:
    """Measure a small step with a setting: seconds of processors, and bytes."""
    cfg = changed(cfg, change)
    batch = min(samples_per_step(cfg), samples)
    dataset: Dataset = DATASETS.build(cfg.train_dataloader.dataset)
    streams = load_batch(cfg, dataset, batch)
    model, lent = build_method(cfg)
    tries = [measure_step(cfg, model, streams, lent) for _ in range(2)]
    return min(time.busy for time, _ in tries), tries[0][1]


def changed(cfg: Config, change: Change) -> Config:
    """Return a config with a setting."""
    cfg = copy.deepcopy(cfg)
    if change.model is not None:
        cfg.model = change.model
    cfg.merge_from_dict(change.settings)
    if 'crop_size' in change.settings:  # the config's own is in its pipelines by now
        _set_crop([*cfg.values()], (cfg.crop_size,) * 2)
    return cfg


def _set_crop(node: Any, size: tuple[int, int]) -> None:
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict) and child.get('type') == 'RandomScaleCrop':
            child['crop_size'] = size
        if isinstance(child, dict | list):
            _set_crop(child, size)
