"""Self-training as a sequence of ordinary runs."""

import copy
import gc
import json
import os.path as osp
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.registry import init_default_scope

from mmsemi.datasets import SelfTrainingDataset
from mmsemi.datasets.self_training_dataset import smallest_epoch
from mmsemi.registry import DATASETS, RUNNERS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.compat import forget_instances
from mmsemi.utils.config import resolve_settings
from mmsemi.utils.files import write_whole
from mmsemi.utils.processes import begun
from mmsemi.utils.terminal import near, say, say_rows

from ..hooks.snapshot_hook import snapshot_files
from ..schedulers import follow_loop
from ..summary import next_command
from .batch import samples_per_step
from .rehearsal import rehearse_labels
from .self_training_loops import round_lists
from .semi_runner import SemiRunner

FINISHED = 'finished.json'


@RUNNERS.register_module()
class SelfTrainingRunner:
    """Train, label and train again, from one config.

    1. Train a network on the labeled images.
    2. With more than one round: rank the unlabeled images by their reliability
       under snapshots of that network (:class:`ReliabilityLoop`).
    3. In each round, label the images that the round adds, the most reliable
       ones first, with the network trained last (:class:`PseudoLabelLoop`).
       Then train a new network on the labeled images and on all images that
       have a pseudo-label by then.

    Every stage is a run of :class:`SemiRunner` with a fresh network, optimiser
    and schedule, in a folder of its own in the work dir: ``1_supervised``,
    ``2_reliability``, ``3_pseudo_labels``, ``4_retraining``, ...  With
    ``resume=True``, finished stages are skipped and an unfinished one resumes,
    with its schedule; finished stages must be as long as the config says.
    Processes on several machines must share the work dir.

    Quirk, as released: the checkpoint that is best on the validation set
    labels the images.  ``label_with='last'`` does without the validation set.

    Paper: `ST++: Make Self-training Work Better for Semi-supervised Semantic
    Segmentation <https://arxiv.org/abs/2106.05095>`_; with one round, ST of the
    same paper.

    Args:
        cfg (Config): Config as for :class:`SemiRunner`.  The training set is
            a :class:`mmsemi.datasets.SelfTrainingDataset`; ``test_pipeline``
            loads the images to be labeled.
        shares (Sequence[float]): Share of the unlabeled images, the most
            reliable ones, that each round trains on, ascending to 1.
            ``(1, )`` is ST.  Defaults to (0.5, 1), ST++.
        label_with (str): Checkpoint that labels, 'best' or 'last'.  Defaults
            to 'best'.
        scales (Sequence[float]): Scales at which images are labeled, see
            :func:`mmsemi.models.utils.tta_probabilities`.
        supervised_epochs (int, optional): Epochs of the first training, each
            one pass over the labeled list.  Defaults to None, as released:
            ``train_cfg.max_epochs``, as in every other training.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        cfg: Config,
        shares: Sequence[float] = (0.5, 1),
        label_with: str = 'best',
        scales: Sequence[float] = (0.5, 0.75, 1.0, 1.5, 2.0),
        supervised_epochs: int | None = None,
    ) -> None:
        if label_with not in ('best', 'last'):
            raise ValueError(f"label_with={label_with!r} is neither 'best' nor 'last'.")
        if (
            not shares
            or shares[-1] != 1
            or any(a >= b for a, b in pairwise((0, *shares)))
        ):
            raise ValueError(
                f'shares={tuple(shares)} should ascend from '
                'above 0 to 1, as in (0.5, 1).'
            )
        self.cfg = cfg
        self.shares = tuple(shares)
        self.label_with = label_with
        self.scales = tuple(scales)
        self.supervised_epochs = supervised_epochs
        self.work_dir = Path(osp.abspath(cfg.work_dir))
        self.num_stages = 1 + (len(shares) > 1) + 2 * len(shares)

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'SelfTrainingRunner':
        """Build from a config whose ``self_training`` holds the other arguments."""
        follow_loop(resolve_settings(cfg))
        with named_by_config(cfg):
            return cls(cfg, **cfg.get('self_training', {}))

    def test(self) -> dict:
        """Evaluate the network of any stage, as :class:`SemiRunner` does."""
        return SemiRunner.from_cfg(self.cfg).test()

    def train(self) -> None:
        """Run all stages, or those that an interrupted run has not finished.

        Raises:
            ValueError: The config lacks something that a stage needs, or the
                work dir holds another run.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmsemi'))
        self._check()
        if self.cfg.get('rehearse', True):
            rehearse_labels(self.cfg, self.scales)
        self._stage = 0
        rounds = len(self.shares)

        network = self._train('supervised', snapshots=rounds > 1)
        added = self._rank() if rounds > 1 else [None]
        pseudo_list = None
        for images in added:
            pseudo_list = self._label(network, images, pseudo_list)
            network = self._train('retraining', pseudo_list)
        if is_main_process():
            say(f'Self-training has finished with {near(network)}.')
            cfg = self._config(network.parent)
            say_rows([('next', next_command(cfg, str(network)))])

    def _train(
        self, name: str, pseudo_list: Path | None = None, snapshots: bool = False
    ) -> Path:
        """Train a fresh network; return the checkpoint used for labelling."""
        folder = self._next(name)
        cfg = self._config(folder)
        if pseudo_list is not None:
            cfg.train_dataloader.dataset.pseudo_list = str(pseudo_list)
        elif self.supervised_epochs is not None:
            cfg.train_cfg.max_epochs = self.supervised_epochs
        if snapshots:
            cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='SnapshotHook')]
        if cfg.get('rehearse', True):  # with space for this training and later ones
            cfg.rehearse = 1 + (self.num_stages - self._stage) // 2
        self._run(cfg, 'train')
        return folder / json.loads((folder / FINISHED).read_text())['network']

    def _snapshots(self) -> Sequence[str]:
        """Return the snapshots of the first training, oldest first."""
        epochs = self.supervised_epochs or self.cfg.train_cfg.max_epochs
        return snapshot_files(self.work_dir / '1_supervised', epochs)

    def _rank(self) -> Sequence[Path]:
        """Rank the unlabeled images; return the list that each round adds."""
        snapshots = self._snapshots()
        folder = self._visit_unlabeled(
            'reliability',
            snapshots[-1],
            type='ReliabilityLoop',
            snapshots=snapshots,
            shares=self.shares,
        )
        return round_lists(folder, len(self.shares))

    def _label(
        self, network: Path, images: Path | None, previous_list: Path | None
    ) -> Path:
        """Label the images of a list, or all; return the list of all labels."""
        folder = self._visit_unlabeled(
            'pseudo_labels',
            network,
            type='PseudoLabelLoop',
            image_list=images and str(images),
            previous_list=previous_list and str(previous_list),
            scales=self.scales,
        )
        return folder / 'pseudo_labels.txt'

    def _visit_unlabeled(self, name: str, network: Path, **loop) -> Path:
        """Run a loop over the unlabeled images, as the test of a run."""
        folder = self._next(name)
        cfg = self._config(folder)
        dataset = cfg.train_dataloader.dataset
        dataset.unlabeled_pipeline = cfg.test_pipeline
        cfg.load_from = str(network)
        cfg.resume = False
        cfg.test_cfg = dict(fp16=cfg.test_cfg.get('fp16', False), **loop)
        cfg.test_dataloader = dict(
            dataset=dataset, num_workers=cfg.test_dataloader.get('num_workers', 0)
        )
        self._run(cfg, 'test')
        return folder

    def _next(self, name: str) -> Path:
        """Return the folder of the next stage."""
        self._stage += 1
        return self.work_dir / f'{self._stage}_{name}'

    def _config(self, folder: Path) -> Config:
        """Return the settings that all stages share."""
        cfg = copy.deepcopy(self.cfg)
        cfg.runner_type = 'SemiRunner'
        cfg.work_dir = str(folder)
        cfg.experiment_name = folder.name
        if cfg.default_hooks.get('terminal'):
            cfg.default_hooks.terminal.stage = True
        return cfg

    def _run(self, cfg: Config, action: str) -> None:
        """Run a stage, unless it is finished.

        Raises:
            ValueError: It is finished, and was trained for another length.
        """
        marker = Path(cfg.work_dir) / FINISHED
        length = None
        if action == 'train':
            keys = {'max_epochs', 'max_iters'} & cfg.train_cfg.keys()
            length = {key: cfg.train_cfg[key] for key in keys}
        if marker.exists():
            before = json.loads(marker.read_text()).get('length', length)
            if before != length:
                raise ValueError(
                    f'{cfg.work_dir} has been trained with train_cfg {before}, but '
                    f'the config now has {length}. A finished stage is not trained '
                    'further, as later ones build on it: set it back (for the '
                    'first stage, self_training.supervised_epochs), or start anew '
                    'in another --work-dir.'
                )
            return
        info = run_stage(
            cfg,
            action,
            f'Stage {self._stage} of {self.num_stages}: {cfg.experiment_name}',
        )
        network = info.get(f'{self.label_with}_ckpt')
        barrier()  # the last checkpoint is written
        if is_main_process():
            content = dict(network=network and Path(network).name, length=length)
            write_whole(marker, json.dumps(content).encode())
        barrier()

    def _check(self) -> None:
        """Check what would otherwise fail days later."""
        cfg = self.cfg
        if cfg.get('load_from'):
            raise ValueError(
                f'load_from={cfg.load_from!r}: every stage of self-training '
                'starts from the pretrained weights that `model` names. To '
                'resume an interrupted run, use `--resume` without a '
                'checkpoint.'
            )
        first = self.work_dir / '1_supervised'
        since = begun() or float('inf')  # what is newer is this run's own
        if not cfg.get('resume') and any(
            file.exists() and file.stat().st_mtime < since
            for file in (first / FINISHED, first / 'last_checkpoint')
        ):
            raise ValueError(
                f'{self.work_dir} already holds a self-training run. Resume '
                'it with `--resume`, or name another folder with '
                '`--work-dir`.'
            )
        if self.label_with == 'best' and not (
            cfg.get('val_dataloader')
            and isinstance(cfg.default_hooks.checkpoint.get('save_best'), str)
        ):
            raise ValueError(
                "label_with='best' needs a validation and "
                "default_hooks.checkpoint.save_best='mIoU'. Set these, or "
                "self_training.label_with='last'."
            )
        needs_epochs = dict(
            snapshots=len(self.shares) > 1,
            supervised_epochs=self.supervised_epochs is not None,
        )
        if any(needs_epochs.values()) and 'max_epochs' not in cfg.train_cfg:
            raise ValueError(
                f'train_cfg.max_iters={cfg.train_cfg.max_iters} counts no epochs, but '
                f'{" and ".join(k for k, v in needs_epochs.items() if v)} of '
                'self_training need them: use EpochBasedTrainLoop, or shares=(1, ) '
                'without supervised_epochs.'
            )
        if len(self.shares) > 1:
            self._snapshots()
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        if not (isinstance(dataset, SelfTrainingDataset) and dataset.unlabeled):
            raise ValueError(
                'Self-training needs unlabeled images: use '
                'train_dataloader.dataset=dict(type="SelfTrainingDataset") '
                'with a `train_list` or an `unlabeled_list`.'
            )
        num = len(dataset.unlabeled)
        counts = [int(num * share) for share in self.shares]
        if any(a == b for a, b in pairwise((0, *counts))):
            raise ValueError(
                f'shares={self.shares} of {num} unlabeled images are {counts} '
                'images: a round would add none. Use fewer rounds.'
            )
        images = smallest_epoch(
            len(dataset.labeled), num, self.shares, dataset.double_below
        )
        step = samples_per_step(cfg)
        if images < step:
            raise ValueError(
                f'A training of self-training has {images} images, which do '
                f'not fill a batch of {step}. Lower total_batch_size (or '
                'train_dataloader.batch_size).'
            )


def run_stage(cfg: Config, action: str, title: str) -> dict:
    """Run a config and free all memory that it took.

    Args:
        cfg (Config): Config of a :class:`SemiRunner`.
        action (str): 'train' or 'test'.
        title (str): First line of the log.

    Returns:
        dict: MMEngine's runtime information, such as ``best_ckpt``.
    """
    runner = SemiRunner.from_cfg(cfg)
    try:
        runner.logger.info(title)
        getattr(runner, action)()
        return dict(runner.message_hub.runtime_info)
    finally:
        forget_instances(
            runner.logger, runner.message_hub, runner.visualizer, runner.default_scope
        )
        runner.visualizer.close()
        for handler in runner.logger.handlers:
            handler.close()
        del runner
        gc.collect()  # a runner, its hooks and its loops refer to one another
        torch.cuda.empty_cache()
