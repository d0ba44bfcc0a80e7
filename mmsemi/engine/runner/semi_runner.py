"""The runner of every mmsemi config."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, is_main_process, master_only
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, IterBasedTrainLoop, Runner
from mmengine.visualization import Visualizer
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from mmsemi.datasets import SemiSampler
from mmsemi.evaluation import AgreeingEvaluator
from mmsemi.models import SemiSegmentor
from mmsemi.registry import RUNNERS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.checkpoint import check_fits, read_checkpoint, trusting
from mmsemi.utils.compat import ParamScheduler, begin_in_a_second_of_its_own
from mmsemi.utils.config import resolve_settings
from mmsemi.utils.processes import begun
from mmsemi.utils.progress import close_all
from mmsemi.utils.terminal import FILE_ONLY, calm

from ..schedulers import follow_config, follow_loop, span_training, unspanned
from ..unwrap import student
from .batch import samples_per_step, steps_per_update
from .bypassed import check_hooks, check_parts_used, check_wrappers
from .checks import (
    check_batches,
    check_evaluator,
    check_ignored,
    check_labels,
    check_metrics,
    check_network,
    check_overlap,
    check_train_set,
    check_val_set,
)
from .loading import checked_pretrained, drop_config, load_weights
from .precision import portable
from .processes import LAUNCHERS, join_over_gloo, wrap_on_cpu
from .rehearsal import rehearse
from .resuming import (
    EPOCH,
    check_left,
    describe_epoch,
    find_place,
    newest_whole_checkpoint,
    skip_to_place,
)
from .saving import whole_file
from .sharding import check_shards, prepare, shard, wants_shards, whole_checkpoint
from .sizes import check_sizes
from .switches import apply_switches, compile_network, leave_views_to_device
from .workers import begin_worker

ParamSchedulers = ParamScheduler | dict | list
STOCK_HOOKS = (
    *('runtime_info', 'timer', 'sampler_seed', 'logger'),
    *('param_scheduler', 'checkpoint'),
)


@RUNNERS.register_module()
class SemiRunner(Runner):
    """Run training and evaluation as MMEngine does, with these additions.

    - **Batch.** ``total_batch_size`` in the config is the batch of all
      processes together and is divided among them, so that a published setting
      is the same on one process and on eight.  With
      ``optim_wrapper.accumulative_counts`` it is the batch of an update, and is
      divided among the steps of an update as well.
      ``train_dataloader.batch_size`` overrides it: per process and step, as
      everywhere in MMEngine.
    - **Processes.** Several processes also train without a GPU, over gloo.
      BatchNorm is not synchronised there (PyTorch does so on accelerators
      only): each process normalises by its own samples, and the log says so.
    - **Checkpoints** are written whole or not at all.  ``resume=True`` resumes
      from the newest one that is not damaged, inside an epoch at the next
      sample, without loading the samples before it.  No checkpoint runs code
      when it is loaded, unless the config says ``trust_checkpoint=True``.
    - **Checks.** Before training, data and weights are checked: files, sizes,
      images in both the train and the validation list, checkpoints and
      pretrained files of another network.  ``strict_load=False`` in the config
      loads the tensors that fit.
    - **Rehearsal.** Before training, a step, a validation image and a
      checkpoint are tried out, without a trace in the run (see
      :mod:`.rehearsal`).  ``rehearse=False`` leaves this out.
    - **Schedules** span the whole training.  A resumed run follows those of the
      config, also if the length or the batch changed.  Training by iterations
      needs only ``train_cfg``.
    - **Precision.** ``AutocastOptimWrapper`` trains in mixed precision on any
      device, also where a config names MMEngine's ``AmpOptimWrapper``.
    - **Switches.** ``channels_last``, ``gradient_checkpointing`` and
      ``compile`` in the config change how the network computes, and
      ``views_on_device`` where strong views are made (see :mod:`.switches`);
      ``sharding`` divides its weights among processes (see :mod:`.sharding`).

    Each addition is a thin override here and functions in a module beside it.

    Args: as in :class:`mmengine.runner.Runner`.
    """

    _resuming = False
    _since: float | None = None

    # Processes and model

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'SemiRunner':
        """Build a runner from a config, whose settings are resolved first.

        Raises:
            ValueError: Nothing reads a setting, or a constructor does not take it.
        """
        cfg = follow_loop(resolve_settings(cfg))
        with named_by_config(cfg):
            check_metrics(cfg)
            return super().from_cfg(cfg)

    def train(self) -> nn.Module:
        """Train, after all parts are built from the config."""
        self._since = begun()
        try:
            with named_by_config(self.cfg):
                return super().train()
        finally:
            close_all()

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger: all goes to its file, the essential to the terminal."""
        return calm(super().build_logger(*args, **kwargs))

    def setup_env(self, env_cfg: dict) -> None:
        """Set up the processes, over gloo where there is no GPU."""
        # Seconds that processes wait for one another.
        self.dist_timeout = env_cfg.get('dist_cfg', {}).get('timeout', 1800)
        if self.launcher in LAUNCHERS and not torch.cuda.is_available():
            join_over_gloo(self.dist_timeout)
        super().setup_env(env_cfg)
        begin_in_a_second_of_its_own(self)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Apply the config's switches, and wrap the model for its processes.

        Raises:
            ValueError: The network cannot follow a switch of the config.
        """
        apply_switches(model, self.cfg)
        if wants_shards(self.cfg):
            return prepare(model, self.cfg)
        if self.distributed and not (
            torch.cuda.is_available() or is_model_wrapper(model)
        ):
            find_unused = self.cfg.get('find_unused_parameters', False)
            return wrap_on_cpu(model, model_wrapper_cfg, find_unused)
        return super().wrap_model(model_wrapper_cfg, model)

    def _maybe_compile(self, target: str) -> None:
        """Compile the network alone; MMEngine compiles the step around it."""
        if self.cfg.get('compile'):
            compile_network(student(self), self.cfg.compile)
            self.logger.info(
                'The network is compiled during its first steps, which take minutes.'
            )

    def call_hook(self, fn_name: str, **kwargs) -> None:
        """Call all hooks; when they are ready to train, rehearse the training."""
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_train' and self.cfg.get('rehearse', True):
            rehearse(self)

    def _init_model_weights(self) -> None:
        """Load the pretrained weights, or name the file that is missing.

        Raises:
            FileNotFoundError: A file is missing.
            ValueError: A file is damaged, could run code or is of another
                network.
        """
        strict = self.cfg.get('strict_load', True)
        with self._trusting(), checked_pretrained(student(self), strict):
            super()._init_model_weights()
        if wants_shards(self.cfg):
            shard(self)

    def register_default_hooks(
        self, hooks: dict[str, Hook | dict | None] | None = None
    ) -> None:
        """Register the default hooks, without those that are None.

        MMEngine removes its own six in this way.
        """
        own = {
            name: hook
            for name, hook in (hooks or {}).items()
            if hook is not None or name in STOCK_HOOKS
        }
        super().register_default_hooks(own)

    # Data and loops

    @staticmethod
    def build_dataloader(dataloader: DataLoader | dict, *args, **kwargs) -> DataLoader:
        """Build a loader whose workers only their own process can end."""
        if isinstance(dataloader, dict) and get_device() == 'cpu':
            # Nothing to pin for: PyTorch would warn in every epoch.
            dataloader = {**dataloader, 'pin_memory': False}
        loader = Runner.build_dataloader(dataloader, *args, **kwargs)
        if loader is not dataloader:
            loader.worker_init_fn = partial(begin_worker, loader.worker_init_fn)
        return loader

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Divide the batch, build the train loop and check its data.

        Raises:
            FileNotFoundError: The lists name files that are missing.
            ValueError: The batch cannot be divided, the images do not fill
                one, lists, files, network and losses do not fit each other, or
                the labeled masks show one class alone.
        """
        self._train_dataloader = self._adapt_loader(self._train_dataloader)
        loop = super().build_train_loop(loop)
        loader = loop.dataloader
        if isinstance(loop, IterBasedTrainLoop):
            self.logger.info(
                f'Training by iterations: {loop.max_iters}, of which {len(loader)} '
                f'are an epoch; validation every {loop.val_interval}.',
                extra=FILE_ONLY,
            )
            if isinstance(loader.sampler, SemiSampler):
                loader.sampler.infinite = True  # resumes at any epoch
        check_batches(loader, self.world_size)
        check_parts_used(student(self), loader)
        check_hooks(student(self), self.hooks, self.cfg)
        check_shards(self)
        check_train_set(loader.dataset)
        check_labels(loader.dataset)
        check_network(student(self), loader.dataset)
        check_ignored(student(self))
        check_sizes(student(self), self.cfg)
        return loop

    def _adapt_loader(self, loader: DataLoader | dict) -> DataLoader | dict:
        """Divide the batch and move views to the device, as the config says."""
        if not isinstance(loader, dict):
            if self.cfg.get('views_on_device'):
                raise ValueError(
                    'views_on_device=True needs a train_dataloader that is a '
                    f'dict, not a {type(loader).__name__}: set it to False.'
                )
            return loader
        loader = dict(loader)
        check_wrappers(loader.get('dataset'))
        if self.cfg.get('total_batch_size') is not None:
            loader['batch_size'] = samples_per_step(self.cfg, self.world_size)
        if self.cfg.get('views_on_device'):
            loader['dataset'] = leave_views_to_device(loader['dataset'])
        return loader

    def build_visualizer(self, visualizer: dict | None = None) -> Visualizer:
        """Build the visualizer under the name of the run.

        MMEngine hands out visualizers by name. Under the config's name, which
        stock tools need, a second run in a process would get the first one's
        and write its scalars to that run's folder.
        """
        if isinstance(visualizer, dict):
            visualizer = dict(visualizer, name=self.experiment_name)
        return super().build_visualizer(visualizer)

    def build_evaluator(self, evaluator: dict | list | Evaluator) -> Evaluator:
        """Build an evaluator; several metrics may give the same score."""
        if isinstance(evaluator, list):
            return AgreeingEvaluator(evaluator)
        return super().build_evaluator(evaluator)

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the validation loop and check its data.

        Raises:
            FileNotFoundError: The list names files that are missing.
            ValueError: Images and masks differ in size, an image is in the
                train list too, or the evaluator has no such metric.
        """
        loop = super().build_val_loop(loop)
        self._check_evaluation(loop, 'val_evaluator')
        if isinstance(self._train_loop, BaseLoop):
            check_overlap(self.train_dataloader.dataset, loop.dataloader.dataset)
        return loop

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the test loop and check its data.

        Raises:
            FileNotFoundError: The list names files that are missing.
            ValueError: Images and masks differ in size.
        """
        loop = super().build_test_loop(loop)
        self._check_evaluation(loop, 'test_evaluator')
        return loop

    def _check_evaluation(self, loop: BaseLoop, evaluator: str) -> None:
        check_val_set(loop.dataloader.dataset)
        check_labels(loop.dataloader.dataset, need=1)
        if isinstance(getattr(loop, 'evaluator', None), Evaluator):
            check_evaluator(loop.evaluator, evaluator)
        model = student(self)
        if isinstance(model, SemiSegmentor):
            self.logger.info(f'Evaluation: {model.evaluation}.')

    def test(self) -> dict[str, float]:
        """Evaluate the model, compiled where the config says so."""
        self._maybe_compile('test_step')
        try:
            with named_by_config(self.cfg):
                return super().test()
        finally:
            close_all()

    # Optimiser

    def build_optim_wrapper(
        self, optim_wrapper: OptimWrapper | Optimizer | dict
    ) -> OptimWrapper:
        """Build the optimiser wrapper, with mixed precision on any device."""
        if isinstance(optim_wrapper, dict):
            optim_wrapper = portable(optim_wrapper)
        return super().build_optim_wrapper(optim_wrapper)

    def scale_lr(
        self, optim_wrapper: OptimWrapper, auto_scale_lr: dict | None = None
    ) -> None:
        """Scale the learning rate by the batch of an update, not of a step."""
        if auto_scale_lr and 'base_batch_size' in auto_scale_lr:
            base = auto_scale_lr['base_batch_size'] / steps_per_update(self.cfg)
            auto_scale_lr = dict(auto_scale_lr, base_batch_size=base)
        super().scale_lr(optim_wrapper, auto_scale_lr)

    def build_param_scheduler(self, scheduler: ParamSchedulers) -> ParamSchedulers:
        """Build the schedules, which span the training unless they say otherwise.

        Raises:
            ValueError: A schedule begins after the training.
        """
        span_training(scheduler, self.train_loop)
        built = super().build_param_scheduler(scheduler)
        if built != scheduler:
            for sentence in unspanned(built, self.train_loop):
                self.logger.warning(sentence)
        return built

    # Checkpoints

    def _trusting(self) -> AbstractContextManager:
        return trusting(self.cfg.get('trust_checkpoint', False))

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool | None = None,
        revise_keys: Sequence[tuple[str, str]] = ((r'^module\.', ''),),
    ) -> dict:
        """Load weights that fit the network, without running code.

        Args:
            filename (str): A file, or an address that MMEngine resolves.
            map_location (str | Callable): As in :func:`torch.load`.  Defaults
                to 'cpu'.
            strict (bool, optional): Refuse weights that do not fit exactly.
                Defaults to ``strict_load`` of the config, whose default is
                True.
            revise_keys (Sequence[tuple[str, str]]): Regular expressions and
                what they are replaced with in the names of tensors.

        Returns:
            dict: The checkpoint.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged or holds objects other than
                tensors, numbers and text; with ``strict``, tensors are
                missing, unexpected or of another shape.
        """
        if strict is None:
            strict = self.cfg.get('strict_load', True)
        with self._trusting():
            checkpoint = read_checkpoint(filename, map_location)
        drop_config(checkpoint)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        network = student(self)
        if strict:
            check_fits(network, checkpoint, filename)
        load_weights(network, checkpoint, revise_keys)
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        if self._resuming:
            find_place(self, checkpoint, filename)
            check_left(self, checkpoint['meta'], filename)
            follow_config(self, checkpoint, filename)
        return checkpoint

    def load_or_resume(self) -> None:
        """Load weights or resume, from the newest checkpoint that is whole.

        A run that something else has started again resumes from its own newest
        checkpoint, whatever it started from (see :func:`mmsemi.utils.processes.begun`).
        """
        named = self._load_from is not None
        if (self._since or (self._resume and not named)) and not self._has_loaded:
            found: list[str | None] = [None]
            if is_main_process():
                with self._trusting():
                    if self._since:
                        found = [newest_whole_checkpoint(self.work_dir, self._since)]
                    if self._resume and not named and not found[0]:
                        found = [newest_whole_checkpoint(self.work_dir)]
            broadcast_object_list(found)
            if found[0]:
                self._resume, self._load_from = True, found[0]
            elif self._resume and not named:
                self._resume = False
                self.logger.info(
                    f'There is no checkpoint in {self.work_dir} '
                    'to resume from: starting anew.'
                )
        super().load_or_resume()

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Resume training, inside an epoch at the next sample.

        The schedule is that of the config from there on, also if its length or
        the batch changed (see :func:`mmsemi.engine.schedulers.follow_config`
        and :func:`.resuming.find_place`).

        Raises:
            ValueError: What :meth:`load_checkpoint` raises; the config trains
                for less than has been trained, or with a schedule or optimizer
                that cannot be resumed.
        """
        sampler, seed = self.train_dataloader.sampler, self.seed
        self._resuming = True
        super().resume(filename, *args, **kwargs)
        self._resuming = False
        if self.seed != seed and isinstance(sampler, SemiSampler):
            sampler.seed = self.seed  # the order of images is the run's
        skip_to_place(self)

    def save_checkpoint(self, *args, **kwargs) -> None:
        """Save a checkpoint: the file is whole, or it is not there.

        All processes call it, and the main one writes.

        Raises:
            OSError: It cannot be written; older checkpoints are untouched.
        """
        with whole_checkpoint(self, kwargs.get('save_optimizer', True)):
            self._write_checkpoint(*args, **kwargs)

    @master_only
    def _write_checkpoint(
        self, out_dir: str, filename: str, *args, meta: dict | None = None, **kwargs
    ) -> None:
        by_iter = isinstance(self.train_loop, IterBasedTrainLoop)
        place = {EPOCH: describe_epoch(self), 'by_iter': by_iter}
        with whole_file(out_dir, filename) as name:
            super().save_checkpoint(
                out_dir, name, *args, meta=dict(meta or {}, **place), **kwargs
            )

    def dump_config(self) -> None:
        """Write the config to the work dir, without ``resume``.

        Otherwise evaluating with the written config would resume a training.
        """
        resume, self.cfg.resume = self.cfg.get('resume', False), False
        super().dump_config()
        self.cfg.resume = resume
