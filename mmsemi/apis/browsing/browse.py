"""Draw what enters the network in the first steps of a training."""

import copy
import csv
import io
import os.path as osp
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsemi.datasets import list_line
from mmsemi.models import SemiSegmentor
from mmsemi.registry import DATASETS, MODELS
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.files import write_whole
from mmsemi.utils.images import image_size, write_indices, write_picture
from mmsemi.utils.progress import progress_bar
from mmsemi.visualization import draw_sample

from .batches import Step, first_steps
from .entering import watch
from .grid import COLUMNS, Grid


def draw_samples(
    cfg: Config, folder: Path, number: int = 4, seed: int | None = None
) -> int:
    """Draw the first training samples of a config, one picture for each.

    Every image is drawn as the network gets it, after the data preprocessor, whose
    normalisation is undone.  The method itself mixes them: its ``loss()`` is
    computed as in the first steps of a training with the same seed, on a network
    with random weights.  ``samples.csv`` names the files.

    For self-training, half of the samples are pseudo-labeled ones of a retraining,
    with the last labels of the work dir, or without any before these exist.

    Args:
        cfg (Config): The config, with its settings resolved.
        folder (Path): Where to write ``0000.png`` and so on.
        number (int): Number of samples.  Defaults to 4.
        seed (int, optional): Seed of the training.  Defaults to None: the one in
            the config's ``randomness``, or 0.

    Returns:
        int: Number of pictures; an epoch may have fewer samples.

    Raises:
        ValueError: The data set or the method is not one of mmsemi.
    """
    init_default_scope('mmsemi')
    if seed is None:
        seed = (cfg.get('randomness') or {}).get('seed') or 0
    rows: list[list[str]] = []
    counts = [number]
    with trainings(cfg, number) as configs:
        if len(configs) > 1:
            counts = [number - number // 2, number // 2]
        with progress_bar(
            _pictures(configs, counts, seed), 'drawing', total=number
        ) as bar:
            for picture, files in bar:
                name = f'{len(rows):04d}.png'
                write_picture(folder / name, picture[..., ::-1])
                rows.append([name, *(' '.join(names) for names in files.values())])
    text = io.StringIO()
    csv.writer(text).writerows([['picture', 'labeled', 'unlabeled', 'partner'], *rows])
    write_whole(folder / 'samples.csv', text.getvalue().encode())
    return len(rows)


def _pictures(
    configs: list[Config], counts: list[int], seed: int
) -> Iterator[tuple[np.ndarray, dict[str, list[str]]]]:
    for i, (cfg, count) in enumerate(zip(configs, counts, strict=True)):
        if not count:
            continue
        model = build_method(cfg)
        for step in first_steps(cfg, count, seed, pseudo_labeled=i > 0):
            yield from _draw(step, model, cfg, seed)


def build_method(cfg: Config) -> SemiSegmentor:
    """Build the method of a config with random weights.

    Raises:
        ValueError: It is none of mmsemi.
    """
    with named_by_config(cfg):
        model = MODELS.build(copy.deepcopy(cfg.model))
    if not isinstance(model, SemiSegmentor):
        raise ValueError(
            f'model.type={cfg.model.type!r} is no method of mmsemi: name one, such as '
            "'Supervised'."
        )
    return model


def _draw(
    step: Step, model: SemiSegmentor, cfg: Config, seed: int
) -> Iterator[tuple[np.ndarray, dict[str, list[str]]]]:
    """Draw the samples of a step."""
    inputs = model.data_preprocessor(step.batch, True)['inputs']
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of losses without any labeled pixel
        entering = watch(model, inputs, seed, step.number)
    grid = Grid(inputs, entering, model.data_preprocessor)
    starts = dict(labeled=0, unlabeled=0)
    meta = step.metainfo
    for files, labels in zip(step.images, step.labels, strict=True):
        places = {}
        for stream, start in starts.items():
            starts[stream] = start + len(files[stream])
            places[stream] = list(range(start, starts[stream]))
        panels = grid.panels(places['labeled'], places['unlabeled'], labels)
        columns = COLUMNS if places['unlabeled'] else 2
        yield draw_sample(panels, columns, meta['classes'], meta['palette']), files


@contextmanager
def trainings(cfg: Config, number: int) -> Iterator[list[Config]]:
    """Yield the config, and for self-training that of a retraining.

    Args:
        cfg (Config): The config.
        number (int): Samples to come.
    """
    dataset = cfg.train_dataloader.dataset
    if cfg.get('runner_type') != 'SelfTrainingRunner' or dataset.get('pseudo_list'):
        yield [cfg]
        return
    known = sorted(Path(cfg.work_dir).glob('*_pseudo_labels/pseudo_labels.txt'))
    with tempfile.TemporaryDirectory() as folder:
        pseudo_list = known[-1] if known else _empty_labels(cfg, Path(folder), number)
        retraining = copy.deepcopy(cfg)
        retraining.train_dataloader.dataset.pseudo_list = str(pseudo_list)
        yield [cfg, retraining]


def _empty_labels(cfg: Config, folder: Path, number: int) -> Path:
    """Write a list of pseudo-labels in which every pixel is ignored."""
    images = DATASETS.build(copy.deepcopy(cfg.train_dataloader.dataset)).unlabeled
    lines = []
    for i in range(min(number, len(images))):
        path = images.get_data_info(i)['img_path']
        mask = folder / f'{i}.png'
        write_indices(mask, np.full(image_size(path), 255, np.uint8))
        lines.append(list_line(osp.relpath(path, images.data_root), str(mask)))
    file = folder / 'pseudo_labels.txt'
    file.write_bytes(''.join(lines).encode())
    return file
