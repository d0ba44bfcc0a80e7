"""Count what a configured training does: steps, validations, checkpoints."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import torch
from mmengine.config import Config
from torch import nn

from mmsemi.datasets.self_training_dataset import DOUBLE_BELOW, repetitions
from mmsemi.engine.runner.batch import samples_per_step

from .footprint import moments

SCALES = (0.5, 0.75, 1.0, 1.5, 2.0)  # of self-training's labels, by default
SNAPSHOTS = 3  # networks that rank unlabeled images


class Training(NamedTuple):
    """One training from fresh weights; self-training has several.

    Attributes:
        samples (int): Samples of an epoch.
        epochs (int): Epochs; 0 if the config counts iterations.
    """

    samples: int
    epochs: int


class Work(NamedTuple):
    """What one process does in all trainings of a config.

    Attributes:
        steps (int): Training steps.
        validations (int): Passes over the validation images.
        predictions (float): Predictions of an unlabeled image besides, as many
            as take the time of all that self-training makes.
        trainings (int): Trainings, one after the other.
    """

    steps: int
    validations: int
    predictions: float
    trainings: int


def trainings(cfg: Config, labeled: int, unlabeled: int) -> list[Training]:
    """List the trainings of a config, with the samples of their epochs.

    Args:
        cfg (Config): Config of the training.
        labeled (int): Labeled images.
        unlabeled (int): Unlabeled images.
    """
    epochs = cfg.train_cfg.get('max_epochs', 0)
    if labeled and cfg.get('runner_type') == 'SelfTrainingRunner':
        options = cfg.get('self_training', {})
        double = cfg.train_dataloader.dataset.get('double_below', DOUBLE_BELOW)
        rounds = (0, *(int(unlabeled * s) for s in options.get('shares', (0.5, 1))))
        sizes = [repetitions(labeled, n, double) * labeled + n for n in rounds]
        first = options.get('supervised_epochs') or epochs
        return [Training(n, epochs if i else first) for i, n in enumerate(sizes)]
    _, per_sample = cfg.train_dataloader.get('sampler', {}).get('ratio', (1, 1))
    return [Training((unlabeled or labeled) // max(per_sample, 1), epochs)]


def count_work(cfg: Config, labeled: int, unlabeled: int) -> Work:
    """Count the steps, validations and predictions of a config.

    Args:
        cfg (Config): Config of the training.
        labeled (int): Labeled images.
        unlabeled (int): Unlabeled images.

    Raises:
        ValueError: The batch cannot be divided among the steps of an update.
    """
    loop = cfg.train_cfg
    batch = samples_per_step(cfg)
    steps = validations = 0
    each = trainings(cfg, labeled, unlabeled)
    for training in each:
        length = training.epochs or loop.get('max_iters', 0)
        per = training.samples // batch if training.epochs else 1
        steps += length * per
        if cfg.get('val_dataloader'):
            validations += _validations(loop, length)
    predictions = 0.0
    if cfg.get('runner_type') == 'SelfTrainingRunner':
        options = cfg.get('self_training', {})
        pixels = sum(scale**2 for scale in options.get('scales', SCALES))
        predictions = unlabeled * 2 * pixels  # an image and its mirror image
        if len(options.get('shares', (0.5, 1))) > 1:
            predictions += unlabeled * SNAPSHOTS
    return Work(steps, validations, predictions, len(each))


def _validations(loop: Mapping, length: int) -> int:
    """Count the validations of a training: every interval, and at its end."""
    interval, begin = loop.get('val_interval', 1), loop.get('val_begin', 1)
    at = {i for i in range(interval, length + 1, interval) if i >= begin}
    return len(at | {length} if length >= begin else at)


def checkpoint_bytes(cfg: Config, model: nn.Module, work: Work) -> int:
    """Estimate the disk that the checkpoints of a training need at most.

    Args:
        cfg (Config): Config of the training.
        model (nn.Module): The method, with its own teacher if it has one.
        work (Work): What the training does.
    """
    hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
    kinds = [each['type'] for each in cfg.get('custom_hooks') or ()]
    weights = sum(t.nbytes for t in model.state_dict().values())
    networks = 1 + sum(str(kind).endswith('EMATeacherHook') for kind in kinds)
    trained = sum(p.nbytes for p in model.parameters() if p.requires_grad)
    whole = networks * weights + moments(cfg.optim_wrapper.optimizer) * trained
    for each in cfg.get('custom_hooks') or ():
        if str(each['type']).endswith('PreviousModelsHook'):
            half = 0.5 if each.get('dtype') == 'half' else 1
            whole += int(each.get('max_models', 8) * weights * half)
    loop, keep = cfg.train_cfg, hook.get('max_keep_ckpts', -1)
    length = loop.get('max_epochs') or loop.get('max_iters', 0)
    interval = hook.get('interval', 1)
    saves = max(length // interval if interval > 0 else 0, 1)
    if keep > 0:  # the oldest goes when the new one is written
        saves = min(saves, keep + 1)
    best = networks * weights if hook.get('save_best') else 0
    return work.trainings * (saves * whole + best)


def memory_limit() -> int:
    """Return the bytes of memory that a training may use: the GPU's, or the CPU's."""
    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[1]
    total = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    try:  # a container may have less
        with open('/sys/fs/cgroup/memory.max') as file:
            return min(total, int(file.read()))
    except (OSError, ValueError):
        return total
