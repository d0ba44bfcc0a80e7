"""Measure evaluation and pseudo-labeling, compared with single forwards.

    OMP_NUM_THREADS=1 python benchmarks/evaluation.py CONFIG

predicts random images with the config's network (random weights) in three
ways: the released Cityscapes windows, mmseg's sliding windows, and ST's
test-time augmentation of ten views; ``--tasks`` selects some of them.  The
reference follows the definition: one window or view after another in full
precision, each resized and summed at full size.  It alternates in one process
with ours, ours in mixed precision and, on a GPU, ours with weights in
channels-last format.  ``agree`` is the share of pixels with the reference's
class.
"""

import copy
import statistics
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.runner.amp import autocast
from torch import Tensor, nn

from helpers.measure import make_parser, take_turns, write_report
from mmsemi.engine.runner.switches import compile_network
from mmsemi.models.utils import (
    mean_logit_windows,
    probability_windows,
    tta_probabilities,
)
from mmsemi.registry import MODELS
from mmsemi.utils.compat import freeze_compiled_weights
from mmsemi.utils.config import add_config_arguments, load_config

SCALES = (0.5, 0.75, 1.0, 1.5, 2.0)


def views_one_by_one(predict: Callable, images: Tensor) -> Tensor:
    """Sum the probabilities of ST's ten views, following the definition."""
    size, total = images.shape[2:], 0
    for scale in SCALES:
        scaled = F.interpolate(
            images,
            [int(side * scale) for side in size],
            mode='bilinear',
            align_corners=True,
        )
        for flip in (False, True):
            prob = predict(scaled.flip(3) if flip else scaled).softmax(1)
            prob = prob.flip(3) if flip else prob
            total = total + F.interpolate(
                prob, size, mode='bilinear', align_corners=True
            )
    return total


def ways_to_predict(crop: int) -> dict[str, dict[str, Callable]]:
    """Return the reference and ours for each task, called with (logits, images)."""
    windows = dict(crop_size=(crop, crop), stride=(crop * 2 // 3, crop * 2 // 3))
    return {
        'windows': {
            'one by one': partial(probability_windows, **windows, at_once=1),
            'ours': partial(probability_windows, **windows),
        },
        'slide': {
            'one by one': partial(mean_logit_windows, **windows, at_once=1),
            'ours': partial(mean_logit_windows, **windows),
        },
        'views': {
            'one by one': views_one_by_one,
            'ours': partial(tta_probabilities, scales=SCALES),
        },
    }


def measure(
    ways: dict[str, Callable],
    network: nn.Module,
    images: Tensor,
    repeats: int,
    compiled: nn.Module | None,
) -> list[dict]:
    """Return one row for each way to predict."""

    def run(way: str, network: nn.Module, amp: bool = False) -> Tensor:
        # As in MMEngine's loops; in inference mode, autocast would cast the
        # weights again in every forward.
        with torch.no_grad(), autocast(enabled=amp):
            return ways[way](network.logits, images)

    runs = {
        'one by one': partial(run, 'one by one', network),
        'ours': partial(run, 'ours', network),
        'mixed precision': partial(run, 'ours', network, amp=True),
    }
    if compiled is not None:
        runs['and compiled'] = partial(run, 'ours', compiled, amp=True)
    if images.is_cuda:  # refused on the CPU
        last = copy.deepcopy(network).to(memory_format=torch.channels_last)
        runs['and channels last'] = partial(run, 'ours', last, amp=True)
    labels = {name: once().argmax(1) for name, once in runs.items()}
    times = take_turns(runs, repeats)
    reference = statistics.median(times['one by one'])
    return [
        dict(
            way=name,
            seconds=statistics.median(spent),
            ratio=reference / statistics.median(spent),
            agree=(labels[name] == labels['one by one']).float().mean().item(),
        )
        for name, spent in times.items()
    ]


def main() -> None:
    """Run the command line."""
    parser = make_parser(__doc__, repeats=3)
    parser.add_argument('config', help='config file')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--height', type=int, default=256)
    parser.add_argument('--width', type=int, default=512)
    parser.add_argument('--crop', type=int, default=201)
    tasks = ('windows', 'slide', 'views')
    parser.add_argument('--tasks', nargs='+', choices=tasks, default=tasks)
    parser.add_argument(
        '--compile', action='store_true', help='add a row for compiled layers'
    )
    add_config_arguments(parser)
    args = parser.parse_args()
    cfg = load_config(args)
    init_default_scope('mmsemi')
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    network = MODELS.build(cfg.model).to(args.device).eval()
    compiled = None
    if args.compile:
        compiled = copy.deepcopy(network)
        compile_network(compiled, True)
        freeze_compiled_weights()  # as tools/test.py does
    images = torch.randn(1, 3, args.height, args.width, device=args.device)

    rows = []
    print(f'{"task":<8} {"":<18} {"time":>9} {"":>6} {"agree":>7}')
    ways = ways_to_predict(args.crop)
    for task in args.tasks:
        for row in measure(ways[task], network, images, args.repeats, compiled):
            rows.append(dict(task=task, **row))
            print(
                f'{task:<8} {row["way"]:<18} {row["seconds"]:>7.2f} s '
                f'{row["ratio"]:>5.2f}x {row["agree"]:>7.2%}'
            )
    write_report(args, rows=rows)


if __name__ == '__main__':
    main()
