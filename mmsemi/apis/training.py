"""Train from Python."""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmsemi.engine import SelfTrainingRunner
from mmsemi.engine.runner.precision import use_mixed_precision
from mmsemi.engine.runner.self_training_runner import FINISHED
from mmsemi.registry import RUNNERS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.config import load_config

from .work_dir import kept_at_address


@dataclass(frozen=True)
class Training:
    """What a training has left.

    Attributes:
        config (Config): The config, with all options: the first argument of
            :func:`init_model` is this or a path.
        work_dir (Path): Where everything is.  Of self-training, the folder of
            the last stage.
        scores (list[dict]): Those of every validation, in order, as in
            ``results.json``.
        best_checkpoint (Path, optional): The one that is best on the
            validation set; None without validation.
        last_checkpoint (Path, optional): The newest; None if none was saved.
    """

    config: Config
    work_dir: Path
    scores: list[dict[str, Any]]
    best_checkpoint: Path | None
    last_checkpoint: Path | None

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint if there is one, else the last."""
        return self.best_checkpoint or self.last_checkpoint


def train(
    config: str | Path,
    work_dir: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    resume: bool | str | Path = False,
    amp: bool = False,
    trust_checkpoint: bool = False,
) -> Training:
    """Train in this process, as ``mmsemi train`` does.

    ::

        run = train('unimatch/camvid_1-8_r18', 'runs/first',
                    {'train_cfg.max_epochs': 20, 'data_root': 'data/camvid'})
        model = init_model(run.config, run.checkpoint)

    Loggers, message hubs and the default scope are those of MMEngine, which
    keeps one for every run of a process; nothing else is left behind.

    Args:
        config (str or Path): Config file, or name of a shipped config.
        work_dir (str or Path, optional): Folder for logs and checkpoints, or the
            address of a copy of it (``s3://bucket/run``).  Defaults to that of the
            config, or ``work_dirs/METHOD/NAME``.
        options (Mapping, optional): Settings that override the config, with
            dots in nested names, as ``--cfg-options``.
        resume (bool, str or Path): Resume from the newest checkpoint of the
            work dir, or from the one named.
        amp (bool): Train in mixed precision.
        trust_checkpoint (bool): Load checkpoints that could run code.

    Returns:
        Training: Scores and checkpoints.

    Raises:
        FileNotFoundError: A file that the config names does not exist.
        ValueError: A setting is wrong.
    """
    cfg = load_config(
        Namespace(
            config=str(config),
            cfg_options=dict(options or {}),
            launcher='none',
            local_rank=0,
            trust_checkpoint=trust_checkpoint,
            work_dir=None if work_dir is None else str(work_dir),
        )
    )
    runner = run_training(cfg, resume, amp)
    if isinstance(runner, SelfTrainingRunner):
        return _self_training(runner)
    return _training(runner)


def run_training(
    cfg: Config, resume: bool | str | Path = False, amp: bool = False
) -> Runner | SelfTrainingRunner:
    """Train as a config says, in one of any number of processes.

    Args:
        cfg (Config): Resolved, with its ``work_dir``; it is changed.
        resume (bool, str or Path): As in :func:`train`.
        amp (bool): Train in mixed precision.

    Returns:
        Runner: It has trained.

    Raises:
        FileExistsError: There is an earlier run at ``upload_to``.
        FileNotFoundError: A file that the config names does not exist.
        StorageError: ``upload_to`` cannot be reached.
        ValueError: A setting is wrong.
    """
    if amp:
        use_mixed_precision(cfg)
    if resume:
        cfg.resume = True
        cfg.load_from = None if resume is True else str(resume)
    with kept_at_address(cfg, bool(resume)):
        with named_by_config(cfg):
            runner = RUNNERS.build(cfg)
        runner.train()
    return runner


def _training(runner: Runner) -> Training:
    """Collect what a run of MMEngine has left."""
    info = runner.message_hub.runtime_info
    folder = Path(runner.work_dir)
    return Training(
        runner.cfg,
        folder,
        _scores(folder),
        _path(info.get('best_ckpt')),
        _path(info.get('last_ckpt')),
    )


def _self_training(runner: SelfTrainingRunner) -> Training:
    """Collect what the last stage has left."""
    folder = runner.work_dir / f'{runner.num_stages}_retraining'
    network = json.loads((folder / FINISHED).read_text())['network']
    last = (folder / 'last_checkpoint').read_text().strip()
    best = folder / network if runner.label_with == 'best' and network else None
    return Training(runner.cfg, folder, _scores(folder), best, _path(last))


def _scores(folder: Path) -> list[dict[str, Any]]:
    file = folder / 'results.json'
    return json.loads(file.read_text()) if file.is_file() else []


def _path(file: str | None) -> Path | None:
    return Path(file) if file else None
