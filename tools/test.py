"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""

import argparse

from mmengine.config import Config

from mmsemi.registry import RUNNERS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.cli import run_tool
from mmsemi.utils.compat import freeze_compiled_weights
from mmsemi.utils.config import add_config_arguments, load_config


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='folder for the scores')
    parser.add_argument('--out', help='folder for the predictions as PNG')
    parser.add_argument('--show', action='store_true', help='show the predictions')
    parser.add_argument(
        '--show-dir', help='folder for pictures of truth and prediction'
    )
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds to show each picture'
    )
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: faster; a few pixels may differ',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='compile the network with constant weights: takes minutes at '
        'first, worth it for many images',
    )
    add_config_arguments(parser)
    return parser.parse_args()


def draw_predictions(cfg: Config, args: argparse.Namespace) -> None:
    """Let mmseg's visualization hook draw the predictions."""
    hook = cfg.default_hooks.visualization
    hook.draw = True
    hook.interval = 1
    if args.show:
        hook.show = True
        hook.wait_time = args.wait_time
    if args.show_dir:
        cfg.visualizer.save_dir = args.show_dir


def main() -> None:
    """Run the command line."""
    args = parse_args()
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.show or args.show_dir:
        draw_predictions(cfg, args)
    if args.tta:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.model = dict(cfg.tta_model, module=cfg.model)
    if args.amp:
        cfg.test_cfg.fp16 = True
    # Only if requested here, whatever the training did: it takes minutes.
    cfg.compile = args.compile and (cfg.get('compile') or True)
    if args.compile:
        freeze_compiled_weights()
    if args.out:
        evaluators = cfg.test_evaluator
        # One of several is enough to write the predictions.
        first = evaluators if isinstance(evaluators, dict) else evaluators[0]
        first.output_dir = args.out
    with named_by_config(cfg):
        runner = RUNNERS.build(cfg)
    runner.test()


if __name__ == '__main__':
    run_tool(main)
