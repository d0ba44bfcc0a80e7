"""Predict the memory that a training needs, and the settings that lower it.

    python benchmarks/memory.py CONFIG --budget 24 --processes 4

predicts within seconds the peak of a step from the shapes of its tensors,
without data, GPU or memory.  ``--budget`` tries one setting after another, the
cheapest first, until a process needs no more than that many GB (0 tries all).
``--measure`` also runs a step on generated images and shows its peak beside
the prediction.  1 GB is 2**30 bytes.
"""

import copy
import tempfile

from helpers.floor import BareNetwork
from helpers.measure import make_parser, peak_memory, write_report
from helpers.rehearsal import Rehearsal, set_crop, use_noise
from mmsemi.engine.runner.batch import samples_per_step
from mmsemi.measuring.footprint import fake_step, peak_bytes
from mmsemi.utils.config import add_config_arguments, load_config

GB = 2**30
HALF = {'optim_wrapper.type': 'AutocastOptimWrapper'}
RECOMPUTED = {'gradient_checkpointing': True}
SWITCHES = [  # the cheapest first
    ('none', {}),
    ('half precision', HALF),
    ('gradient checkpointing', RECOMPUTED),
    ('both', {**HALF, **RECOMPUTED}),
    ('both, sharded', {**HALF, **RECOMPUTED, 'sharding': True}),
    *(
        (
            f'both, {counts} steps per update',
            {**HALF, **RECOMPUTED, 'optim_wrapper.accumulative_counts': counts},
        )
        for counts in (2, 4, 8)
    ),
]


def parse_args():
    """Parse the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--crops', type=int, nargs='+', help='sides of the crop, in pixels'
    )
    parser.add_argument(
        '--processes', type=int, default=1, help='processes that share the batch'
    )
    parser.add_argument('--budget', type=float, help='GB per process, 0: try all')
    parser.add_argument('--measure', action='store_true', help='also measure a step')
    add_config_arguments(parser)
    return parser.parse_args()


def may_shard(cfg, processes):
    """Tell whether weights can be shared, and are not yet."""
    optimizer = cfg.optim_wrapper.optimizer
    fused_sgd = optimizer.type == 'SGD' and optimizer.get('fused')
    return processes > 1 and not fused_sgd and not cfg.get('sharding')


def predict(cfg, crop, processes, budget):
    """Print and return rows up to the first setting that fits the budget."""
    rows = []
    for name, settings in SWITCHES:
        if rows and (budget is None or rows[-1]['step_gb'] <= budget):
            break
        variant = copy.deepcopy(cfg)
        if settings.get('sharding') and not may_shard(cfg, processes):
            continue
        variant.merge_from_dict(settings)
        if crop:
            set_crop(variant, crop)
        try:
            samples = samples_per_step(variant, processes)
        except ValueError:
            if not rows:
                raise
            continue  # the batch cannot be divided further
        with fake_step(variant, processes) as fake:
            held = fake.held
            step = held + peak_bytes(fake.run)
            floor = held + peak_bytes(BareNetwork(fake.run, fake.context).run)
        rows.append(
            dict(
                crop=crop,
                switch=name,
                samples=samples,
                held_gb=held / GB,
                step_gb=step / GB,
                floor_gb=floor / GB,
                options=' '.join(f'{k}={v}' for k, v in settings.items()),
            )
        )
        print(
            f'{name:>28} {samples:>7} {held / GB:>9.2f} {floor / GB:>9.2f} '
            f'{step / GB:>9.2f} {step / floor:>6.2f} '
            f'{step / GB / rows[0]["step_gb"]:>6.0%}'
        )
    return rows


def advise(row, budget):
    """Print whether the last row fits the budget, and how."""
    if row['step_gb'] > budget:
        print(f'No setting fits {budget} GB: use more processes or a smaller crop.')
    elif row['options']:
        print(f'{budget} GB suffice with `--cfg-options {row["options"]}`.')
    else:
        print(f'{budget} GB suffice without changes.')


def measure(cfg, crop):
    """Measure the peak of a step on generated images, in GB."""
    if crop:
        set_crop(cfg, crop)
    with tempfile.TemporaryDirectory() as folder:
        use_noise(cfg, folder)
        rehearsal = Rehearsal(cfg)
        rehearsal.step()  # creates the momentum
        device = next(rehearsal.model.parameters()).device.type
        return peak_memory(rehearsal.step, device) / GB


def main():
    """Run the command line."""
    args = parse_args()
    cfg = load_config(args)
    if cfg.model.get('backbone'):
        cfg.model.backbone.init_cfg = None
    results = []
    for crop in args.crops or [None]:
        print(
            f'{args.config}, crop {crop or "as configured"}, {args.processes} processes'
        )
        print(
            f'{"GB per process":>28} {"samples":>7} {"held":>9} '
            f'{"floor":>9} {"step":>9} {"ratio":>6} {"":>6}'
        )
        rows = predict(cfg, crop, args.processes, args.budget)
        if args.measure:
            spent = measure(copy.deepcopy(cfg), crop)
            rows[0]['measured_gb'] = spent + rows[0]['held_gb']
            print(f'{"measured":>28} {"":>27} {rows[0]["measured_gb"]:>9.2f}')
        if args.budget is not None:
            advise(rows[-1], args.budget)
        results += rows
    write_report(args, rows=results)


if __name__ == '__main__':
    main()
