"""The runner of every mmsemi config."""

import os.path as osp
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial

import torch
import torch.distributed as torch_dist
from mmengine.dist import (
    broadcast_object_list,
    is_distributed,
    is_main_process,
    master_only,
)
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from torch import nn
from torch.utils.data import DataLoader

from mmsemi.datasets import SemiSampler
from mmsemi.models import SemiSegmentor
from mmsemi.registry import RUNNERS
from mmsemi.utils.checkpoint import check_fits, find_weights, read_checkpoint, trusting
from mmsemi.utils.files import replacing

from ..unwrap import student
from .batch import samples_per_step, steps_per_update
from .checks import (
    check_batches,
    check_network,
    check_overlap,
    check_train_set,
    check_val_set,
    pretrained_parts,
)
from .resuming import newest_whole_checkpoint
from .switches import apply_switches, compile_network, leave_views_to_device
from .workers import begin_worker


@RUNNERS.register_module()
class SemiRunner(Runner):
    """MMEngine's runner, where semi-supervised training asks for more.

    - ``total_batch_size`` in the config is the batch of all processes
      together and is divided among them, so that a published setting is the
      same on one process and on eight.  With
      ``optim_wrapper.accumulative_counts`` it is the batch of an update, and
      divided among its steps as well.  ``train_dataloader.batch_size`` goes
      first where it is given: per process, as everywhere in MMEngine.
    - Several processes also run without a GPU, over gloo.  BatchNorm is not
      synchronised there (PyTorch does it on accelerators only): every process
      normalises by its own samples, and the log says so.
    - Checkpoints are whole or not there, and ``resume=True`` goes on from the
      newest that is whole; inside an epoch at the next sample, at no cost.
    - No checkpoint runs code when it is loaded, unless the config says
      ``trust_checkpoint=True``.
    - Before training, data and weights are checked: files, sizes, images both
      trained on and validated on, checkpoints of another network.
      ``strict_load=False`` in the config lets ``load_from`` take what fits.
    - ``channels_last``, ``gradient_checkpointing`` and ``compile`` in the
      config change how the network computes, and ``views_on_device`` where
      strong views are made (see :mod:`.switches`).

    Args: as in :class:`mmengine.runner.Runner`.
    """

    def setup_env(self, env_cfg: dict) -> None:
        """As in MMEngine; without a GPU the processes meet over gloo."""
        # Seconds that processes wait for one another.
        self.dist_timeout = env_cfg.get('dist_cfg', {}).get('timeout', 1800)
        if (
            self._launcher == 'pytorch'
            and not is_distributed()
            and not torch.cuda.is_available()
        ):
            torch_dist.init_process_group(
                'gloo', timeout=timedelta(seconds=self.dist_timeout)
            )
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """As in MMEngine; on the CPU without device ids and without SyncBN.

        Raises:
            ValueError: A switch of the config that the network cannot follow.
        """
        apply_switches(model, self.cfg)
        if not self.distributed or torch.cuda.is_available() or is_model_wrapper(model):
            return super().wrap_model(model_wrapper_cfg, model)
        self.logger.warning(
            'BatchNorm is not synchronised across processes on the CPU: each '
            'process normalises by its own samples.'
        )
        cfg = dict(
            broadcast_buffers=False,
            find_unused_parameters=self.cfg.get('find_unused_parameters', False),
        )
        cfg.update(model_wrapper_cfg or {})
        cfg.pop('type', None)
        return MMDistributedDataParallel(module=model, **cfg)

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        """As in MMEngine; no signal takes its workers from it."""
        loader = Runner.build_dataloader(dataloader, *args, **kwargs)
        if loader is not dataloader:
            loader.worker_init_fn = partial(begin_worker, loader.worker_init_fn)
        return loader

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As in MMEngine, with the batch divided and the data checked.

        Raises:
            ValueError: A total batch that the processes do not divide, or
                fewer images than a batch; what the lists and files raise.
        """
        if (
            isinstance(self._train_dataloader, dict)
            and self.cfg.get('total_batch_size') is not None
        ):
            self._train_dataloader = dict(
                self._train_dataloader,
                batch_size=samples_per_step(self.cfg, self.world_size),
            )
        if self.cfg.get('views_on_device'):
            self._train_dataloader = dict(
                self._train_dataloader,
                dataset=leave_views_to_device(self._train_dataloader['dataset']),
            )
        loop = super().build_train_loop(loop)
        if isinstance(loop, IterBasedTrainLoop) and isinstance(
            loop.dataloader.sampler, SemiSampler
        ):
            loop.dataloader.sampler.infinite = True  # resumes at any epoch
        check_batches(loop.dataloader, self.world_size)
        check_train_set(loop.dataloader.dataset)
        check_network(student(self), loop.dataloader.dataset)
        return loop

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As in MMEngine, with the data checked."""
        loop = super().build_val_loop(loop)
        self._check_evaluation(loop)
        if isinstance(self._train_loop, BaseLoop):
            check_overlap(self.train_dataloader.dataset, loop.dataloader.dataset)
        return loop

    def scale_lr(
        self, optim_wrapper: OptimWrapper, auto_scale_lr: dict | None = None
    ) -> None:
        """As in MMEngine, by the batch of an update instead of a step."""
        if auto_scale_lr and 'base_batch_size' in auto_scale_lr:
            base = auto_scale_lr['base_batch_size']
            auto_scale_lr = dict(
                auto_scale_lr, base_batch_size=base / steps_per_update(self.cfg)
            )
        super().scale_lr(optim_wrapper, auto_scale_lr)

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """As in MMEngine, with the data checked."""
        loop = super().build_test_loop(loop)
        self._check_evaluation(loop)
        return loop

    def _check_evaluation(self, loop: BaseLoop) -> None:
        check_val_set(loop.dataloader.dataset)
        model = student(self)
        if isinstance(model, SemiSegmentor):
            self.logger.info(f'Evaluation: {model.evaluation}.')

    def build_optim_wrapper(self, optim_wrapper):
        """As in MMEngine, but for its mixed precision.

        ``AmpOptimWrapper`` needs an accelerator: without a GPU, training is
        in full precision.  With one, :class:`AutocastOptimWrapper` does the
        same, and spares a fused optimiser a fault of PyTorch's.
        """
        if (
            isinstance(optim_wrapper, dict)
            and optim_wrapper.get('type') == 'AmpOptimWrapper'
        ):
            optim_wrapper = dict(optim_wrapper)
            if torch.cuda.is_available():
                optim_wrapper['type'] = 'AutocastOptimWrapper'
                optim_wrapper.setdefault('dtype', 'float16')
            else:
                self.logger.warning(
                    'There is no GPU: training in full precision instead of mixed.'
                )
                optim_wrapper['type'] = 'OptimWrapper'
                for key in ('loss_scale', 'dtype'):
                    optim_wrapper.pop(key, None)
        return super().build_optim_wrapper(optim_wrapper)

    def _maybe_compile(self, target: str) -> None:
        """Compile the network; MMEngine takes the step around it as well."""
        if self.cfg.get('compile'):
            compile_network(student(self), self.cfg.compile)
            self.logger.info(
                'The network is compiled in its first steps, which takes minutes.'
            )

    def test(self) -> dict[str, float]:
        """As in MMEngine, compiled where the config says so."""
        self._maybe_compile('test_step')
        return super().test()

    def dump_config(self) -> None:
        """As in MMEngine; a test of the dumped config must not resume."""
        resume, self.cfg.resume = self.cfg.get('resume', False), False
        super().dump_config()
        self.cfg.resume = resume

    def _init_model_weights(self) -> None:
        """As in MMEngine, saying which pretrained file cannot be had."""
        stock = [
            init_cfg
            for init_cfg in pretrained_parts(self.model).values()
            if init_cfg['type'] == 'Pretrained'
        ]  # the others find theirs and say it all
        for init_cfg in stock:
            init_cfg['checkpoint'] = find_weights(init_cfg['checkpoint'])
        try:
            with self._trusting():
                for init_cfg in stock:
                    read_checkpoint(init_cfg['checkpoint'])  # or refused
                super()._init_model_weights()
        except OSError as error:
            if not stock:
                raise
            names = ', '.join(init_cfg['checkpoint'] for init_cfg in stock)
            raise FileNotFoundError(
                f'Cannot read the pretrained {names}: {error}. Download the '
                'file and name it by `--cfg-options '
                'model.backbone.init_cfg.checkpoint=FILE`, or start from '
                'random weights by `--cfg-options '
                'model.backbone.init_cfg=None`.'
            ) from error

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool | None = None,
        revise_keys: list = [(r'^module\.', '')],
    ) -> dict:
        """As in MMEngine, but weights that do not fit are an error, and no
        code is run.

        Args:
            strict (bool, optional): Defaults to the config's ``strict_load``,
                which defaults to True.

        Raises:
            ValueError: The file is damaged or holds other objects than
                tensors, numbers and text; with ``strict``, tensors are
                missing, unexpected or of another shape.
        """
        if strict is None:
            strict = self.cfg.get('strict_load', True)
        with self._trusting():
            checkpoint = read_checkpoint(filename, map_location)
        if isinstance(checkpoint.get('meta'), dict):
            # Python, which MMEngine would run to look for a number of GPUs.
            checkpoint['meta'].pop('config', None)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        network = student(self)
        if strict:
            check_fits(network, checkpoint, filename)
        checkpoint = _load_checkpoint_to_model(
            network, checkpoint, revise_keys=revise_keys
        )
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return checkpoint

    def load_or_resume(self) -> None:
        """As in MMEngine, but from the newest checkpoint that is whole."""
        if self._resume and self._load_from is None and not self._has_loaded:
            found = [None]
            if is_main_process():
                with self._trusting():
                    found = [newest_whole_checkpoint(self.work_dir)]
            broadcast_object_list(found)
            (self._load_from,) = found
            if self._load_from is None:
                self._resume = False
                self.logger.info(
                    f'There is no checkpoint in {self.work_dir} '
                    'to resume from: starting anew.'
                )
        super().load_or_resume()

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """As in MMEngine, but the file is whole or not there.

        Raises:
            OSError: It cannot be written; older checkpoints stand.
        """
        if not isinstance(get_file_backend(out_dir), LocalBackend):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        file = osp.join(out_dir, filename)
        try:
            with replacing(file) as part:
                super().save_checkpoint(out_dir, part.name, *args, **kwargs)
        except OSError as error:
            raise OSError(
                error.errno,
                f'{file} could not be written '
                f'({error.strerror or error}). The checkpoints before it are '
                'untouched: make room and go on by `--resume`.',
            ) from error

    def _trusting(self) -> AbstractContextManager:
        return trusting(self.cfg.get('trust_checkpoint', False))

    def resume(self, filename: str, *args, **kwargs) -> None:
        """As in MMEngine, and inside an epoch at the next sample."""
        loader, seed = self.train_dataloader, self.seed
        super().resume(filename, *args, **kwargs)
        if self.seed != seed and isinstance(loader.sampler, SemiSampler):
            loader.sampler.seed = self.seed  # the order is the run's
        if not isinstance(self.train_loop, EpochBasedTrainLoop):
            return  # skips by itself, over iterations
        done = self.iter - self.epoch * len(loader)
        if not 0 <= done <= len(loader):
            self.logger.warning(
                f'{filename} was written at iteration {self.iter} of epoch '
                f'{self.epoch}, but an epoch now has {len(loader)} '
                'iterations: the batch, the lists or the number of processes '
                'changed. Starting at the beginning of that epoch.'
            )
            self.train_loop._iter = self.epoch * len(loader)
        elif done:  # all, where only the validation is left
            loader.sampler.skip(done * loader.batch_size)
