"""Measure what a training and a labeling cost with millions of images.

    OMP_NUM_THREADS=1 python benchmarks/many_images.py

makes lists of 10 thousand to ``--images`` images, and measures each in a process of
its own: the list, the checks before a training, the order of an epoch, the entries,
an index of tar shards, and the plan of a labeling.  All images exist: 1000 tiny ones,
in folders that are links to one.  Seconds are processor time, and so of one core;
memory is that of a process, beside what Python and PyTorch hold at their start.
``exponent`` is the growth since the size before: 1 is linear.  The last column is
extrapolated from the two largest sizes unless it was measured.
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from mmengine.registry import init_default_scope

from helpers.measure import clock, make_parser, write_report
from mmsemi.datasets import ListSegDataset, SemiSampler, SemiSegDataset
from mmsemi.datasets.lists import write_list
from mmsemi.engine.runner.checks import check_overlap, check_train_set, check_val_set
from mmsemi.utils.passes import RECORD, Pass
from mmsemi.utils.storage.shards import COLUMNS, ShardIndex, name_key, write_index

FOLDER = 1000  # images
GOAL = 10**7
PROCESSES = 64  # of a labeling
ROWS = dict(
    list_s='read the list',
    missing_s='look for missing files',
    overlap_s='look for images of the validation',
    order_s='order of an epoch',
    skip_s='first sample after a resume in mid-epoch',
    index_s='open an index of tar shards',
    plan_s=f'plan of a labeling, of {PROCESSES} processes, half done',
    names_s='write the list of all masks',
    list_mb='the list, shared by all workers',
    order_mb='the order of an epoch',
    worker_mb='what a worker adds, after 10 000 images',
    peak_mb='most that a process holds before it trains',
    entry_us='a line of the list',
    find_us='a file in the index',
    pair_us='compare the sizes of an image and its mask, before a training',
)


def memory() -> float:
    """Return the MB that this process holds and shares with no other."""
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    own = (line.split() for line in lines if line.startswith('Private_'))
    return sum(int(words[1]) for words in own) / 2**10


def peak() -> float:
    """Return the most MB that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def make_images(root: Path, count: int) -> None:
    """Write a data root whose train list names so many images."""
    images = root / 'images'
    images.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    for i in range(FOLDER):
        cv2.imwrite(str(images / f'{i:03d}.png'), pixels)
    for folder in range(math.ceil(count / FOLDER)):
        (root / f'{folder:05d}').symlink_to(images)
    with (root / 'train.txt').open('w') as lines:
        for i in range(count):
            image = f'{i // FOLDER:05d}/{i % FOLDER:03d}.png'
            lines.write(f'{image} masks/{image}\n')
    cv2.imwrite(str(root / 'mask.png'), np.zeros((40, 48), np.uint8))
    for name, image in ('labeled', '00000/000.png'), ('val', 'images/000.png'):
        (root / f'{name}.txt').write_text(f'{image} mask.png\n')
    cv2.imwrite(str(root / 'images/val.png'), pixels)
    (root / 'val.txt').write_text('images/val.png mask.png\n')


def fork(work: Callable[[], object]) -> float:
    """Work in a forked process; return the MB that it adds."""
    read, write = os.pipe()
    if not (child := os.fork()):
        try:
            before = memory()
            work()
            os.write(write, f'{memory() - before}'.encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return float(os.read(read, 100))


def make_index(file: Path, count: int, places: list[int]) -> None:
    """Write an index of about so many files, among them those of some places."""
    keys = np.random.default_rng(0).integers(2**64, size=count, dtype=np.uint64)
    keys[: len(places)] = [name_key(f'{place}.png') for place in places]
    keys = np.unique(keys)
    columns = {name: np.zeros(len(keys), kind) for name, kind in COLUMNS}
    write_index(file, [('00000.tar', 2**40)], dict(columns, keys=keys))


def measure(count: int, root: Path) -> dict[str, float]:
    """Measure one size, in this process."""
    found: dict[str, float] = {}
    start_mb = peak()

    @contextmanager
    def told(name: str) -> Iterator[None]:
        before, start = memory(), clock()
        yield
        found[f'{name}_s'] = clock() - start
        found[f'{name}_mb'] = memory() - before

    with told('list'):
        dataset = SemiSegDataset(str(root), 'labeled.txt', train_list='train.txt')
    images = dataset.unlabeled
    with told('missing'):
        check_train_set(dataset)
    with told('overlap'):
        check_overlap(dataset, ListSegDataset('val.txt', str(root)))

    sampler = SemiSampler(dataset, seed=0)
    samples = iter(sampler)
    with told('order'):
        next(samples)
    del samples
    sampler.skip(len(sampler) // 2)
    with told('skip'):
        next(iter(sampler))
    found['peak_mb'] = peak() - start_mb

    places = np.random.default_rng(0).integers(len(images), size=10000)
    places = places[: len(images)].tolist()

    def read_entries() -> None:
        for place in places:
            images.get_data_info(place)

    with told('entry'):
        read_entries()
    found['entry_us'] = 1e6 * found['entry_s'] / len(places)
    found['worker_mb'] = fork(read_entries)

    file = root / 'shards' / 'index'
    fork(lambda: make_index(file, count, places))
    with told('index'):
        index = ShardIndex(str(file))
    with told('find'):
        for place in places:
            index.find(f'{place}.png')
    found['find_us'] = 1e6 * found['find_s'] / len(places)

    total = len(images)
    for process in range(PROCESSES):  # as if killed when half of all was labeled
        notes = np.zeros(len(range(process, total // 2, PROCESSES)), RECORD)
        notes['item'] = np.arange(process, total // 2, PROCESSES)
        work = Pass(root / 'labels', 'mark', total, process, PROCESSES)
        work.file.write_bytes(notes.tobytes())
    del work, notes
    with told('plan'):
        work = Pass(root / 'labels', 'mark', total, 0, PROCESSES)
    assert len(work.left) == len(range(0, total, PROCESSES)) - len(
        range(0, total // 2, PROCESSES)
    )
    pairs = root / 'pairs.txt'
    write_list(pairs, ([f'images/{i % FOLDER:03d}.png'] * 2 for i in range(10000)))
    with told('pair'):
        check_val_set(ListSegDataset(str(pairs), str(root)))
    found['pair_us'] = 1e6 * found['pair_s'] / 10000
    with told('names'):
        masks = ((path, f'{path}.png') for path in images.image_paths())
        write_list(root / 'labels.txt', masks)
    return found


def extrapolated(sizes: list[int], values: list[float]) -> float:
    """Continue the line through the last two values."""
    (a, b), (low, high) = sizes[-2:], values[-2:]
    return high + (high - low) / (b - a) * (GOAL - b)


def show(sizes: list[int], results: list[dict[str, float]]) -> None:
    """Print a table of all sizes."""
    print(f'{"":<58}' + ''.join(f'{size:>12}' for size in sizes), end='')
    print(f'{"exponent":>10}{"":>4}{GOAL:>12}')
    for name, title in ROWS.items():
        values = [result[name] for result in results]
        unit = name.rpartition('_')[2].replace('mb', 'MB')
        growth = math.nan
        if len(values) > 1 and min(values[-2:]) > 0:
            growth = math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2])
        goal = values[-1] if sizes[-1] == GOAL else math.nan
        if len(values) > 1 and sizes[-1] != GOAL:
            goal = values[-1] if unit == 'us' else extrapolated(sizes, values)
        print(f'{title + ", " + unit:<58}', end='')
        print(''.join(f'{value:>12.2f}' for value in values), end='')
        kind = ' ' if sizes[-1] == GOAL else '~'
        print(f'{growth:>10.2f}{kind:>4}{goal:>12.2f}')


def main() -> None:
    """Run the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('--images', type=int, default=10**6, help='most')
    parser.add_argument('--one', type=int, help='measure only one size')
    args = parser.parse_args()
    init_default_scope('mmsemi')
    if args.one:
        with tempfile.TemporaryDirectory() as root:
            make_images(Path(root), args.one)
            print(json.dumps(measure(args.one, Path(root))))
        return
    sizes = [10**power for power in range(4, round(math.log10(args.images)) + 1)]
    results = []
    for size in sizes:
        # In a process of its own, to measure its memory alone.
        done = subprocess.run(
            [sys.executable, __file__, '--one', str(size)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        results.append(json.loads(done.stdout.splitlines()[-1]))
    show(sizes, results)
    write_report(args, sizes=sizes, results=results)


if __name__ == '__main__':
    main()
