"""Measure how the time of a step grows with crop, batch, classes and processes.

    OMP_NUM_THREADS=1 python benchmarks/scale.py

times a step (loss and gradients) of UniMatch with a small network while one
quantity varies, and the same step in several processes of one thread each.
``exponent`` describes the growth since the row above: 1 is linear.  ``efficiency``
is the samples per second of n processes, divided by n times those of one process;
this is wall time, so nothing else should run on the machine.  ``many_images.py``
does the same for the number of images.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope

from helpers.measure import make_parser, seconds, write_report
from mmsemi.registry import MODELS
from mmsemi.structures import as_pastes

CONFIG = Path(__file__).parents[1] / 'configs/unimatch/camvid_1-8_r18.py'
STEPS = dict(crop=[81, 161, 321, 641], batch=[1, 2, 4, 8], classes=[11, 19, 81, 150])
USUAL = dict(crop=161, batch=2, classes=21)


def make_step(
    crop: int, batch: int, classes: int, wrap: Callable = lambda model: model
) -> Callable[[], None]:
    """Make a step of loss and gradients, and do it once to warm up."""
    cfg = Config.fromfile(CONFIG).model
    cfg.decode_head.num_classes = classes
    torch.manual_seed(0)
    model = MODELS.build(cfg).train()

    trained = wrap(model)

    def stream() -> dict:
        weak, *strong = torch.randint(256, (3, batch, 3, crop, crop), dtype=torch.uint8)
        box = as_pastes([[0, 0, crop // 2, crop // 2]] * batch)
        return dict(
            weak=weak,
            strong=strong,
            valid=torch.ones(batch, crop, crop, dtype=torch.bool),
            boxes=[box, box],
        )

    mask = torch.randint(classes, (batch, crop, crop), dtype=torch.uint8)
    batch = dict(
        labeled=dict(weak=stream()['weak'], mask=mask),
        unlabeled=stream(),
        partner=stream(),
    )

    def step() -> None:
        losses = trained(**model.data_preprocessor(batch, True), mode='loss')
        model.parse_losses(losses)[0].backward()
        model.zero_grad()

    step()
    return step


def step_seconds(repeats: int, **quantities: int) -> float:
    """Return the median time of a step."""
    step = make_step(**quantities)
    return statistics.median(seconds(step) for _ in range(repeats))


def run_process(rank: int, world_size: int, repeats: int, folder: str) -> None:
    """Train in one of several processes; the first one writes the time."""
    torch.set_num_threads(1)
    init_default_scope('mmsemi')
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=world_size
    )
    step = make_step(**USUAL, wrap=MMDistributedDataParallel)
    dist.barrier()
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    dist.barrier()
    spent = (time.perf_counter() - start) / repeats
    if rank == 0:
        Path(folder, 'seconds').write_text(str(spent))
    dist.destroy_process_group()


def process_seconds(world_size: int, repeats: int) -> float:
    """Return the mean time of a step of several processes together."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            run_process, (world_size, repeats, folder), nprocs=world_size
        )
        return float(Path(folder, 'seconds').read_text())


def show_steps(repeats: int) -> list[dict]:
    """Print and return the time of steps."""
    rows = []
    print(f'{"":<8} {"":>8} {"step":>11} {"exponent":>9}')
    for name, values in STEPS.items():
        last = None
        for value in values:
            spent = step_seconds(**{**USUAL, name: value}, repeats=repeats)
            exponent = (
                math.log(spent / last[1]) / math.log(value / last[0])
                if last
                else math.nan
            )
            last = value, spent
            rows.append(dict(quantity=name, value=value, s=spent, exponent=exponent))
            print(f'{name:<8} {value:>8} {1e3 * spent:>8.0f} ms {exponent:>9.2f}')
    return rows


def show_processes(most: int, repeats: int) -> list[dict]:
    """Print and return the time of several processes."""
    rows = []
    print(f'{"processes":>10} {"step":>11} {"samples/s":>10} {"efficiency":>11}')
    for processes in range(1, most + 1):
        spent = process_seconds(processes, repeats)
        speed = processes * USUAL['batch'] / spent
        efficiency = speed / processes / rows[0]['speed'] if rows else 1.0
        rows.append(
            dict(processes=processes, s=spent, speed=speed, efficiency=efficiency)
        )
        print(
            f'{processes:>10} {1e3 * spent:>8.0f} ms {speed:>10.1f} {efficiency:>11.2f}'
        )
    return rows


def main() -> None:
    """Run the command line."""
    parser = make_parser(__doc__, repeats=2)
    parser.add_argument('--processes', type=int, default=2, help='most processes')
    args = parser.parse_args()
    init_default_scope('mmsemi')
    result = dict(
        steps=show_steps(args.repeats),
        processes=show_processes(args.processes, 5 * args.repeats),
    )
    write_report(args, **result)


if __name__ == '__main__':
    main()
