"""Measure how fast samples are loaded, and the share of each transform.

    OMP_NUM_THREADS=1 python benchmarks/data_speed.py CONFIG

measures the samples per second of one core for the training set of a config
with strong views.  It alternates between the pipeline as configured, with
decoded files cached, with strong views made on the device, with strong views
made by PIL, and the released trainers' equivalent, which transforms whole
images with PIL and normalizes on the CPU.

``--painted 375x500`` generates images of that size instead of the data.
``--step 0.2`` also measures, for each number of workers, for which share of the
time a device that needs 0.2 s per batch would wait.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.registry import init_default_scope
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch.utils.data import DataLoader

from helpers.measure import clock, make_parser, seconds, take_turns, write_report
from mmsemi.datasets import SemiIndex, SemiSampler, list_line, stack_streams
from mmsemi.datasets.transforms import RandomScaleCrop, StrongViews
from mmsemi.engine.runner.switches import leave_views_to_device
from mmsemi.registry import DATASETS
from mmsemi.utils.config import add_config_arguments, load_config

BATCH = 4


def paint(root: Path, size: tuple[int, int], suffix: str, num: int) -> None:
    """Write a data root of ``num`` images, about as complex as photographs."""
    rng = np.random.default_rng(0)
    height, width = size
    entries = []
    for i in range(num):
        coarse = rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8)
        img = cv2.resize(coarse, (width, height)).astype(np.int16)
        img += rng.integers(-9, 10, img.shape, np.int16)
        names = f'{i}{suffix}', f'{i}_mask.png'
        for name, pixels in zip(
            names, (img.clip(0, 255), rng.integers(0, 2, size)), strict=True
        ):
            cv2.imwrite(str(root / name), pixels.astype(np.uint8))
        entries.append(names)
    for name, part in (('labeled', entries[: num // 4]), ('train', entries)):
        (root / f'{name}.txt').write_text(''.join(list_line(*entry) for entry in part))


def by_pil(dataset):
    """Let PIL make the strong views of a data set."""
    for part in dataset.parts:
        for views in part.pipeline.transforms:
            for transform in getattr(views, 'transforms', ()):
                if hasattr(transform, 'backend'):
                    transform.backend = 'pillow'
    return dataset


class Released:
    """The released trainers' pipeline with the settings of a data set.

    Args:
        dataset (SemiSegDataset): Gives crop, scales and number of views.
    """

    mean = torch.tensor([123.675, 116.28, 103.53])[:, None, None] / 255
    std = torch.tensor([58.395, 57.12, 57.375])[:, None, None] / 255

    def __init__(self, dataset) -> None:
        self.dataset = dataset
        transforms = dataset.unlabeled.pipeline.transforms
        self.geometry = next(t for t in transforms if isinstance(t, RandomScaleCrop))
        self.num_views = next(
            (t.num_views for t in transforms if isinstance(t, StrongViews)), 0
        )

    def __getitem__(self, index: SemiIndex) -> dict[str, list]:
        np.random.seed(index.seed)
        parts = dict(
            labeled=self.dataset.labeled,
            unlabeled=self.dataset.unlabeled,
            partner=self.dataset.unlabeled,
        )
        streams = {
            name: [
                self.load(part.get_data_info(i), name != 'labeled')
                for i in getattr(index, name)
            ]
            for name, part in parts.items()
        }
        return dict(streams, corrupt={})

    def load(self, info: dict, unlabeled: bool) -> dict[str, torch.Tensor]:
        img = Image.open(info['img_path']).convert('RGB')
        mask = (
            Image.new('L', img.size) if unlabeled else Image.open(info['seg_map_path'])
        )
        size, window = self.geometry.draw(img.height, img.width)
        pad = (0, 0, max(window[2] - size[0], 0), max(window[3] - size[1], 0))
        img = ImageOps.expand(img.resize(size, Image.Resampling.BILINEAR), pad).crop(
            window
        )
        mask = ImageOps.expand(
            mask.resize(size, Image.Resampling.NEAREST), pad, fill=255
        ).crop(window)
        if np.random.rand() < 0.5:
            img, mask = ImageOps.mirror(img), ImageOps.mirror(mask)
        packed = dict(weak=self.normalize(img))
        packed['mask'] = torch.from_numpy(np.array(mask)).long()
        for i in range(self.num_views * unlabeled):
            packed[f'strong{i + 1}'] = self.normalize(self.strong(img.copy()))
        return packed

    def strong(self, img: Image.Image) -> Image.Image:
        if np.random.rand() < 0.8:
            changes = [
                *(
                    partial(self.enhance, kind, np.random.uniform(0.5, 1.5))
                    for kind in (
                        ImageEnhance.Brightness,
                        ImageEnhance.Contrast,
                        ImageEnhance.Color,
                    )
                ),
                partial(self.turn, np.random.uniform(-0.25, 0.25)),
            ]
            for i in np.random.permutation(4):
                img = changes[i](img)
        if np.random.rand() < 0.2:
            img = img.convert('L').convert('RGB')
        if np.random.rand() < 0.5:
            sigma = np.random.uniform(0.1, 2.0)
            img = img.filter(ImageFilter.GaussianBlur(sigma))
        return img

    @staticmethod
    def enhance(kind: type, factor: float, img: Image.Image) -> Image.Image:
        return kind(img).enhance(factor)

    @staticmethod
    def turn(factor: float, img: Image.Image) -> Image.Image:
        hue, saturation, value = img.convert('HSV').split()
        turned = np.array(hue) + np.uint8(int(factor * 255) % 256)
        return Image.merge('HSV', (Image.fromarray(turned), saturation, value)).convert(
            'RGB'
        )

    def normalize(self, img: Image.Image) -> torch.Tensor:
        pixels = torch.from_numpy(np.array(img)).permute(2, 0, 1)
        return pixels.float().div(255).sub_(self.mean).div_(self.std)


def speed(
    ways: dict[str, object], indices: list[SemiIndex], rounds: int
) -> dict[str, float]:
    """Return the median samples per second of each way to load."""
    runs = {name: partial(load_all, dataset, indices) for name, dataset in ways.items()}
    return {
        name: len(indices) / statistics.median(times)
        for name, times in take_turns(runs, rounds).items()
    }


def load_all(dataset, indices: list[SemiIndex]) -> None:
    """Load samples in batches."""
    for i in range(0, len(indices), BATCH):
        stack_streams([dataset[k] for k in indices[i : i + BATCH]])


def shares(dataset, indices: list[SemiIndex]) -> dict[str, float]:
    """Return each transform's share of the time, over all streams."""
    spent = defaultdict(float)

    def timed(transform: Callable) -> Callable:

        def run(results: dict) -> dict:
            start = clock()
            results = transform(results)
            spent[type(transform).__name__] += clock() - start
            return results

        return run

    for part in dataset.parts:
        transforms = part.pipeline.transforms
        for i, transform in enumerate(transforms):
            if isinstance(transform, StrongViews) and not transform.on_device:
                # It only calls its transforms.
                transform.transforms = list(map(timed, transform.transforms))
            else:
                transforms[i] = timed(transform)
    total = seconds(partial(load_all, dataset, indices))
    spent['seeding, stacking'] = total - sum(spent.values())
    return {name: took / total for name, took in spent.items()}


def wait_share(dataset, indices: list[SemiIndex], workers: int, step: float) -> float:
    """Return the share of the time that a device waits for its next batch."""
    batches = iter(
        DataLoader(
            dataset,
            batch_size=BATCH,
            sampler=indices,
            num_workers=workers,
            collate_fn=stack_streams,
        )
    )
    next(batches)
    waited, start = 0.0, time.perf_counter()
    for _ in range(len(indices) // BATCH - 1):
        time.sleep(step)
        asked = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - asked
    return waited / (time.perf_counter() - start)


def build(cfg: dict, **changes):
    """Build the data set of a config, with changes."""
    return DATASETS.build(dict(cfg, **changes))


def main() -> None:
    """Run the command line."""
    parser = make_parser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--painted', help='HEIGHTxWIDTH of generated images')
    parser.add_argument(
        '--suffix', default='.jpg', help='suffix of generated images: .jpg or .png'
    )
    parser.add_argument('--samples', type=int, default=24)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--step', type=float, help='seconds per batch')
    parser.add_argument('--workers', type=int, nargs='+', default=[0, 1, 2])
    add_config_arguments(parser)
    args = parser.parse_args()
    cv2.setNumThreads(0)
    cfg = load_config(args)
    init_default_scope('mmsemi')
    loader = cfg.train_dataloader
    pipeline = loader.dataset.get('unlabeled_pipeline', ())
    if not any(t['type'] == 'StrongViews' for t in pipeline):
        parser.error(
            f'{args.config} makes no strong views: use the config of a '
            'method that does, FixMatch for example.'
        )

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if args.painted:
            size = tuple(map(int, args.painted.split('x')))
            paint(root, size, args.suffix, args.samples)
            loader.dataset.update(
                data_root=folder, labeled_list='labeled.txt', train_list='train.txt'
            )
        cached = dict(cache_dir=str(root / 'cache'))
        on_device = leave_views_to_device(loader.dataset)
        configured = on_device if cfg.views_on_device else loader.dataset
        ways = {
            'as configured': build(configured),
            'cached': build(configured, **cached),
            'views on the device': build(on_device),
            'views on the device, cached': build(on_device, **cached),
            'views by PIL': by_pil(build(loader.dataset)),
        }
        dataset = ways['as configured']
        ways['released, by PIL'] = Released(dataset)
        sampler = SemiSampler(
            dataset, partner=loader.sampler.get('partner', 'independent')
        )
        indices = list(sampler)[: args.samples // BATCH * BATCH]
        result = dict(samples_per_second=speed(ways, indices, args.rounds))
        result['waiting'] = (
            {}
            if args.step is None
            else {
                workers: wait_share(dataset, 4 * indices, workers, args.step)
                for workers in args.workers
            }
        )
        result['shares'] = {
            name: shares(ways[name], indices)
            for name in ('as configured', 'views by PIL')
        }

    released = result['samples_per_second']['released, by PIL']
    print(f'{"samples per second of a core":<30}')
    for name, value in result['samples_per_second'].items():
        print(f'  {name:<28} {value:>8.1f} {value / released:>8.2f}x')
    for name, parts in result['shares'].items():
        print(f'share of the time, {name}')
        for part, share in sorted(parts.items(), key=lambda item: -item[1]):
            print(f'  {part:<28} {share:>8.1%}')
    for workers, share in result['waiting'].items():
        print(f'a device waits, {workers} workers {share:>13.1%}')
    write_report(args, **result)


if __name__ == '__main__':
    main()
