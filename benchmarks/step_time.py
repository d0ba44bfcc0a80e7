"""Time and memory of a training step, above its bare network.

    python benchmarks/step_time.py CONFIG --out step_time.json

The floor is the bare network on exactly the same images: what a step sends
through it, in the same modes and batches, and backwards the gradients that
came back.  Where a method has layers of its own, the step is held against a
floor with them, too.

``--against KEY=VALUE`` holds the step against one under other settings
instead, and an update by accumulated steps counts as one:

    python benchmarks/step_time.py CONFIG --against \\
        train_dataloader.sampler.partner=in_batch

Both take turns in one process, on a batch of the config's data (``--noise``:
of made-up pictures); learning rate 0 keeps them at the same work.  Times are
medians, the ratio is the median over pairs, with its quartiles.  With one
thread on a CPU (``OMP_NUM_THREADS=1``) times are the processor's.
"""

import argparse
import copy
import tempfile
from collections import defaultdict
from statistics import median, quantiles

import torch
from mmengine.config import DictAction

from helpers.floor import BareNetwork, own_layers
from helpers.parts import Parts
from helpers.rehearsal import Rehearsal, set_crop, use_noise
from helpers.timing import peak_memory, seconds, write_report
from mmsemi.utils.config import add_config_arguments, load_config


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--crop', type=int, help='pixels of a side')
    parser.add_argument('--noise', action='store_true', help='made-up pictures as data')
    parser.add_argument('--repeats', type=int, default=9, help='2 or more')
    parser.add_argument(
        '--against',
        nargs='+',
        action=DictAction,
        help='settings of another step to compare with, instead of the floor',
    )
    parser.add_argument('--out', help='JSON file to write')
    add_config_arguments(parser)
    return parser.parse_args()


def alternate(first, second, repeats):
    """Medians of both, and quartiles of their ratios."""
    first(), second()  # the first ones warm up
    pairs = [(seconds(first), seconds(second)) for _ in range(repeats)]
    low, middle, high = quantiles(b / a for a, b in pairs)
    return [median(times) for times in zip(*pairs)], (low, middle, high)


def compare(names, first, second, repeats, device):
    """A row of the table for each, as a dict."""
    times, ratio = alternate(first, second, repeats)
    peaks = [peak_memory(run, device) for run in (first, second)]
    for name, spent, peak in zip(names, times, peaks):
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
                for spent, peak in zip(times, peaks)
            ),
        ),
        time_ratio=ratio,
        memory_ratio=peaks[1] / peaks[0],
    )


def shares(rehearsal, floor, repeats):
    """Milliseconds of each part of a step, printed with their shares."""
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
                print('\nwith the layers of the method in the floor:')
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
