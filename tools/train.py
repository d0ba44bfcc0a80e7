"""Train a method: ``python tools/train.py configs/rankmatch/pascal_1-16.py``.

``--resume`` continues an interrupted run; ``tools/dist_train.sh`` trains on
several processes.
"""

import argparse

from mmsemi.engine.runner.precision import use_mixed_precision
from mmsemi.registry import RUNNERS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.cli import run_tool
from mmsemi.utils.config import add_config_arguments, load_config


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from the newest checkpoint of the work dir, or from the one named',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on a GPU, bfloat16 on a CPU, unless the '
        'config names another dtype',
    )
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Train as the command line says."""
    args = parse_args()
    cfg = load_config(args)
    if args.amp:
        use_mixed_precision(cfg)
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    with named_by_config(cfg):
        runner = RUNNERS.build(cfg)
    runner.train()


if __name__ == '__main__':
    run_tool(main)
