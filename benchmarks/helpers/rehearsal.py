"""Prepare a training and run single steps of it on request."""

import math
import os
import tempfile
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmsemi.datasets import stack_streams
from mmsemi.engine.runner.batch import steps_per_update
from mmsemi.models import SemiSegmentor
from mmsemi.registry import LOOPS, RUNNERS
from mmsemi.utils.compat import BATCH_NORMS, move_to_iter


@LOOPS.register_module()
class RehearsalLoop(EpochBasedTrainLoop):
    """Prepare a training and leave the steps to the caller.

    The loop then is in the middle of the training, with previous models if a
    hook keeps them, before a step at which no hook logs or checks anything.
    """

    def run(self) -> nn.Module:
        """Prepare the training as a loop does; return the model."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.model.train()
        for epoch in (*range(4), self.max_epochs // 2):
            self._epoch = epoch
            runner.call_hook('before_train_epoch')
        # Not before the epoch, where HealthHook could not look up a step's files.
        move_to_iter(self, math.ceil(epoch * len(self.dataloader) / 100) * 100)
        return runner.model


class Rehearsal:
    """Repeat a config's training step on one batch.

    The network starts from random weights and is not validated.  The learning
    rate is 0: a step costs as much as in training but does not change the
    weights.  The classifier is scaled so that half of the weak views'
    pixels have a confidence of 95 %, as in training, because some methods
    have more to do where the network is confident.

    Args:
        cfg (Config): Config of a training; changed in place.

    Attributes:
        runner (SemiRunner): Runner in the middle of the training.
        batch (dict): Streams as the loader returns them.
    """

    count = 0

    def __init__(self, cfg: Config) -> None:
        Rehearsal.count += 1
        init_default_scope('mmsemi')
        self._folder = tempfile.TemporaryDirectory()
        _adapt(cfg, self._folder.name)
        self.runner: Runner = RUNNERS.build(cfg)
        self.runner.train()
        self.batch: dict = self.load()
        if isinstance(self.model, SemiSegmentor):
            make_sure(self.model, self.batch)

    @property
    def model(self) -> nn.Module:
        """The method in training."""
        return self.runner.model

    def load(self) -> dict:
        """Load the batch again, in this process."""
        loader = self.runner.train_dataloader
        return stack_streams(
            [
                loader.dataset[index]
                for index in islice(iter(loader.sampler), loader.batch_size)
            ]
        )

    def step(self) -> None:
        """Run a training step with all hooks and the same random draws."""
        loop = self.runner.train_loop
        loop.run_iter(0, self.batch)
        move_to_iter(loop, loop.iter - 1)

    def update(self) -> None:
        """Run the steps whose gradients one update of the weights accumulates."""
        for _ in range(steps_per_update(self.runner.cfg)):
            self.step()


def _adapt(cfg: Config, folder: str) -> None:
    """Remove from a config what a rehearsal does not need."""
    cfg.work_dir = folder
    cfg.experiment_name = f'rehearsal_{Rehearsal.count}'
    cfg.log_level = 'ERROR'
    epochs = cfg.train_cfg.get('max_epochs', 0)  # none in training by iterations
    cfg.train_cfg = dict(type='RehearsalLoop', max_epochs=max(epochs, 8))
    for name in ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{name}_{part}', None)
    cfg.visualizer.vis_backends = []
    cfg.default_hooks.pop('terminal', None)  # the terminal is the benchmark's
    if cfg.model.get('backbone'):
        cfg.model.backbone.init_cfg = None
    cfg.optim_wrapper.optimizer.lr = 0.0
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    for hook in cfg.get('custom_hooks', ()):
        if hook.type == 'PreviousModelsHook':  # there are no scores
            hook.update(admit='every_n_epochs', base_epochs=0)


@torch.no_grad()
def make_sure(model: SemiSegmentor, batch: dict, conf: float = 0.95) -> None:
    """Scale the classifier so that half of the pixels are confident.

    BatchNorm's statistics become those of the batch, so that the network is
    equally confident in eval mode.

    Args:
        model (SemiSegmentor): Method in training mode.
        batch (dict): Streams; the unlabeled one counts, or else the labeled.
        conf (float): Median confidence to reach, in (0, 1).  Defaults to 0.95.
    """
    norms = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    streams = model.data_preprocessor(batch, True)['inputs']
    stream = streams.get('unlabeled', streams['labeled'])
    logits = model.logits(stream['weak']).flatten(2).transpose(1, 2)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum

    low, high = 1e-3, 1e6
    for _ in range(40):
        scale = (low * high) ** 0.5
        sure = (scale * logits).softmax(2).amax(2).median()
        low, high = (scale, high) if sure < conf else (low, scale)
    for parameter in model.decode_head.conv_seg.parameters():
        parameter.mul_(scale)


def set_crop(cfg: Config, size: int) -> None:
    """Set the crops of a config's training to ``size`` x ``size`` pixels."""
    cfg.crop_size = (size, size)
    for transform in _transforms(cfg):
        if 'crop_size' in transform:
            transform['crop_size'] = (size, size)


def use_noise(cfg: Config, folder: str, images: int = 32) -> None:
    """Replace a config's training data with generated images.

    Args:
        cfg (Config): Config of a training; changed in place.
        folder (str): Folder to write the images to: as large as the crop,
            with patches of all classes.
        images (int): Number of images.  Defaults to 32.
    """
    rng = np.random.default_rng(0)
    size = next(t['crop_size'] for t in _transforms(cfg) if 'crop_size' in t)
    dataset = cfg.train_dataloader.dataset
    num_classes = len(dataset.metainfo['classes'])
    lines = []
    for i in range(images):
        image = rng.integers(256, size=(12, 12, 3), dtype=np.uint8)
        mask = rng.integers(num_classes, size=(12, 12), dtype=np.uint8)
        for name, pixels, how in (
            (f'{i}.png', image, cv2.INTER_CUBIC),
            (f'{i}_mask.png', mask, cv2.INTER_NEAREST),
        ):
            cv2.imwrite(
                os.path.join(folder, name),
                cv2.resize(pixels, size[::-1], interpolation=how),
            )
        lines.append(f'{i}.png {i}_mask.png')
    for name, count in (('labeled', images // 2), ('train', images)):
        with open(os.path.join(folder, f'{name}.txt'), 'w') as file:
            file.write('\n'.join(lines[:count]))
    dataset.update(
        data_root=folder,
        labeled_list='labeled.txt',
        train_list='train.txt',
        unlabeled_list=None,
        prepare=None,
    )


def _transforms(cfg: Config) -> Iterator[dict]:
    dataset = cfg.train_dataloader.dataset
    for name in ('labeled_pipeline', 'unlabeled_pipeline'):
        yield from dataset[name]
