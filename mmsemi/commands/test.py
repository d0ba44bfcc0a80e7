"""Evaluate a checkpoint.

For example,

    mmsemi test rankmatch/pascal_1-16 best.pth
    mmsemi test my.py best.pth --show-dir pictures
"""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from .processes import several_processes
from .shared import (
    Amp,
    CfgOptions,
    Checkpoint,
    ConfigFile,
    Launcher,
    LocalRank,
    Traceback,
    TrustCheckpoint,
    load,
)

if TYPE_CHECKING:
    from mmengine.config import Config


@several_processes()
def test(
    config: ConfigFile,
    checkpoint: Checkpoint,
    work_dir: Annotated[
        str | None,
        typer.Option(
            help='folder for the scores and the log, or its address: by default the '
            'folder test in the work dir of the training'
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help='folder for the predictions as PNG')
    ] = None,
    show: Annotated[bool, typer.Option('--show', help='show the predictions')] = False,
    show_dir: Annotated[
        str | None, typer.Option(help='folder for pictures of truth and prediction')
    ] = None,
    wait_time: Annotated[float, typer.Option(help='seconds to show each picture')] = 2,
    tta: Annotated[bool, typer.Option('--tta', help='test-time augmentation')] = False,
    amp: Amp = False,
    compile: Annotated[
        bool,
        typer.Option(
            '--compile',
            help='compile the network with constant weights: takes minutes at '
            'first, worth it for many images',
        ),
    ] = False,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> None:
    """Evaluate a checkpoint on the test images of a config."""
    from mmsemi.apis.work_dir import kept_at_address
    from mmsemi.registry import RUNNERS
    from mmsemi.utils.arguments import named_by_config
    from mmsemi.utils.checkpoint import find_weights
    from mmsemi.utils.checkpoint_file import check_checkpoint_file
    from mmsemi.utils.compat import freeze_compiled_weights
    from mmsemi.utils.storage import exists, is_address

    cfg = load(config, cfg_options, launcher, trust_checkpoint, work_dir)
    if not is_address(checkpoint):  # before the run is set up
        check_checkpoint_file(find_weights(checkpoint))
    # A test leaves the config and the logs of a training alone.
    if work_dir is None or exists(os.path.join(work_dir, 'last_checkpoint')):
        cfg.work_dir = os.path.join(cfg.work_dir, 'test')
        cfg.upload_to = cfg.get('upload_to') and f'{cfg.upload_to}/test'
    cfg.load_from = checkpoint
    cfg.resume = False
    if show or show_dir:
        draw_predictions(cfg, wait_time if show else None, show_dir)
    if tta:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.model = dict(cfg.tta_model, module=cfg.model)
    if amp:
        cfg.test_cfg.fp16 = True
    # Only if requested here, whatever the training did: it takes minutes.
    cfg.compile = compile and (cfg.get('compile') or True)
    if compile:
        freeze_compiled_weights()
    if out:
        evaluators = cfg.test_evaluator
        # One of several is enough to write the predictions.
        first = evaluators if isinstance(evaluators, dict) else evaluators[0]
        first.output_dir = out
    with kept_at_address(cfg, resume=False, adds=True):
        with named_by_config(cfg):
            runner = RUNNERS.build(cfg)
        runner.test()


def draw_predictions(
    cfg: 'Config', wait_time: float | None, folder: str | None
) -> None:
    """Let mmseg's visualization hook draw the predictions.

    Args:
        cfg (Config): The config, which is changed.
        wait_time (float, optional): Seconds to show each picture; None to show none.
        folder (str, optional): Where to write the pictures; None for the work dir.
    """
    hook = cfg.default_hooks.visualization
    hook.draw = True
    hook.interval = 1
    if wait_time is not None:
        hook.show = True
        hook.wait_time = wait_time
    if folder:
        cfg.visualizer.save_dir = folder
