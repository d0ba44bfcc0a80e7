"""Measure a training step, compared with its bare network.

    python benchmarks/step_time.py CONFIG --out step_time.json

compares a step with its floor: the forwards of the network in the same modes
and batches, and the same backward pass through it, without everything else.
If a method has layers of its own, the step is also compared with a floor that
includes them.

``--against KEY=VALUE`` compares it with a step under other settings instead.
Steps that accumulate gradients for one update count as one:

    python benchmarks/step_time.py CONFIG --against compile=True

Both alternate in one process on one batch of the config's data, or of
generated images (``--noise``).  The learning rate is 0, so that every step
does the same work.  Times are medians; the ratio is the median over pairs,
with its quartiles.  With one thread on a CPU (``OMP_NUM_THREADS=1``), times
are processor times.
"""

import copy
import tempfile
from collections import defaultdict
from statistics import median, quantiles

import torch
from mmengine.config import DictAction

from helpers.floor import BareNetwork, own_layers
from helpers.measure import make_parser, peak_memory, seconds, take_turns, write_report
from helpers.parts import Parts
from helpers.rehearsal import Rehearsal, set_crop, use_noise
from mmsemi.utils.config import add_config_arguments, load_config


def parse_args():
    """Parse the command line."""
    parser = make_parser(__doc__, repeats=9)
    parser.add_argument('config', help='config file')
    parser.add_argument('--crop', type=int, help='side of the crop, in pixels')
    parser.add_argument('--noise', action='store_true', help='use generated images')
    parser.add_argument(
        '--against',
        nargs='+',
        action=DictAction,
        help='settings of another step to compare with, instead of the floor',
    )
    add_config_arguments(parser)
    return parser.parse_args()


def alternate(first, second, repeats):
    """Return the median seconds of both, and quartiles of their ratios."""
    times = list(take_turns(dict(first=first, second=second), repeats).values())
    ratios = quantiles(b / a for a, b in zip(*times, strict=True))
    return [median(spent) for spent in times], tuple(ratios)


def compare(names, first, second, repeats, device):
    """Print and return time, memory and their ratios."""
    times, ratio = alternate(first, second, repeats)
    peaks = [peak_memory(run, device) for run in (first, second)]
    for name, spent, peak in zip(names, times, peaks, strict=True):
        print(f'{name:>9} {1e3 * spent:>10.1f} ms {peak / 2**20:>10.1f} MB')
    print(
        f'{"ratio":>9} {ratio[1]:>10.3f}    {peaks[1] / peaks[0]:>10.3f}'
        f'      (time: half of the pairs {ratio[0]:.3f} to {ratio[2]:.3f})'
    )
    return dict(
        zip(
            names,
            (
                {'ms': 1e3 * spent, 'peak_mb': peak / 2**20}
                for spent, peak in zip(times, peaks, strict=True)
            ),
            strict=True,
        ),
        time_ratio=ratio,
        memory_ratio=peaks[1] / peaks[0],
    )


def shares(rehearsal, floor, repeats):
    """Print and return the milliseconds of each part of a step."""
    spent = defaultdict(list)
    for _ in range(repeats):
        parts = Parts()
        parts.measure(rehearsal)
        bare = -seconds(floor.forward) + seconds(floor.run)
        parts.spent['backward of the losses'] = parts.spent.pop('backward') - bare
        parts.spent['backward of the network'] = bare
        for name, value in parts.spent.items():
            spent[name].append(1e3 * value)
    rows = {name: median(values) for name, values in spent.items()}
    rows = dict(sorted(rows.items(), key=lambda row: -row[1]))
    total = sum(rows.values())
    print()
    for name, value in rows.items():
        print(f'{name:>24} {value:>9.2f} ms {value / total:>7.2%}')
    return rows


def main():
    """Run the command line."""
    args = parse_args()
    cfg = load_config(args)
    if args.crop:
        set_crop(cfg, args.crop)
    with tempfile.TemporaryDirectory() as folder:
        if args.noise:
            use_noise(cfg, folder)
        other = copy.deepcopy(cfg)
        rehearsal = Rehearsal(cfg)
        model = rehearsal.model
        device = next(model.parameters()).device.type
        batch = rehearsal.runner.train_dataloader.batch_size
        print(
            f'{type(model).__name__}, {args.config}, batch {batch}, '
            f'{device}, {torch.get_num_threads()} threads'
        )
        if args.against:
            other.merge_from_dict(args.against)
            other = Rehearsal(other)
            result = compare(
                ('step', 'against'),
                rehearsal.update,
                other.update,
                args.repeats,
                device,
            )
            times, ratio = alternate(rehearsal.load, other.load, args.repeats)
            print(
                f'{"loading":>9} {1e3 * times[0]:>10.1f} ms, against '
                f'{1e3 * times[1]:.1f} ms: ratio {ratio[1]:.3f}'
            )
            result['loading'] = dict(
                ms=1e3 * times[0], against_ms=1e3 * times[1], ratio=ratio[1]
            )
        else:

            def context():
                return rehearsal.runner.optim_wrapper.optim_context(model)

            floor = BareNetwork(rehearsal.step, context)
            result = compare(
                ('floor', 'step'), floor.run, rehearsal.step, args.repeats, device
            )
            layers = own_layers(model)
            if layers:
                print("\nwith the method's layers in the floor:")
                result['with_layers'] = compare(
                    ('floor', 'step'),
                    BareNetwork(rehearsal.step, context, layers).run,
                    rehearsal.step,
                    args.repeats,
                    device,
                )
            result['parts_ms'] = shares(rehearsal, floor, args.repeats)
    write_report(args, device=device, batch=batch, result=result)


if __name__ == '__main__':
    main()
