"""Write the text of the method config for a user's own data."""

from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

from mmsemi.datasets.self_training_dataset import repetitions, smallest_epoch
from mmsemi.utils.invocation import command

from ..methods import METHODS, loader_text
from .classes import ClassTable
from .dataset_config import Images, base_path
from .network import network
from .start import Start

STEPS = 20000  # of a whole training, about
# On a CPU: about as many as fit into a night on two cores.
SHORT_STEPS, SHORT_BATCH, SHORT_CROP = 4000, 4, 225
FIRST_STEPS = 2000  # of self-training's first training, at least
# For the rows of the methods: the defaults of their classes, and a threshold.
VALUES = dict(conf_thresh='0.95', prev_options='', prev_models='', prev_interval='')

METHOD = """\
# {train} {path}
{notes}_base_ = [
    {network!r},
    './_base_/dataset.py',
    {schedule!r},
    {runtime!r},
]

model = dict(
    {model})
{size}{rest}train_cfg = dict(max_epochs={epochs}, val_interval={interval})
default_hooks = dict(checkpoint=dict(interval={interval}))
"""


class Counts(NamedTuple):
    """The size of a training set.

    Attributes:
        labeled (int): Labeled images.
        unlabeled (int): Unlabeled images.
        batch (int): Samples in a step, a labeled and an unlabeled image each.
    """

    labeled: int
    unlabeled: int
    batch: int


def method_text(
    path: Path,
    configs: Path,
    method: str,
    start: Start,
    table: ClassTable,
    images: Images,
    counts: Counts,
) -> str:
    """Return the config to train with.

    Args:
        path (Path): Where it will lie, absolute.
        configs (Path): The project's ``configs``.
        method (str): A row of :data:`mmsemi.preparation.methods.METHODS`.
        start (Start): Backbone, weights and device.  A ResNet from random
            weights has one learning rate.
        table (ClassTable): The classes.
        images (Images): Crop, channels and normalisation.
        counts (Counts): Decides the length of the training.
    """
    base = base_path(configs, path.parent)
    row = METHODS[method].fill(VALUES)
    if start.short:
        small = min(images.crop, SHORT_CROP)
        counts = counts._replace(batch=min(counts.batch, SHORT_BATCH))
        size = ''
        if small < images.crop:
            size = f'crop_size = {small}  # of {images.crop}: for a CPU\n'
        if not row.shares:
            size += f'total_batch_size = {counts.batch}\n'
        images = images._replace(crop=small)
    else:
        size = ''
    batch = counts.batch * (2 if row.shares else 1)
    parts = network(start, row.network, method, images, batch)
    model = [row.model, *parts.model]
    if images.mean:
        model.append(
            f'data_preprocessor=dict(\n        mean={images.mean},\n'
            f'        std={images.std},\n        bgr_to_rgb=False)'
        )
    head = f'num_classes={len(table.names)}'
    model.append(f'decode_head=dict({head}{parts.head and ", "}{parts.head})')

    steps = max(counts.unlabeled // counts.batch, 1)
    whole = SHORT_STEPS if start.short else STEPS
    epochs = min(max(round(whole / steps), 10), 1000)
    rest = f'custom_hooks = [{row.hook}]\n' if row.hook else ''
    if row.shares:
        adam = 'AdamW' in parts.lines
        rest += _self_training(row.shares, counts, epochs, adam)
    elif row.sampler or row.pipeline:
        rest += loader_text(row.sampler, row.pipeline)
    rest += parts.lines
    return METHOD.format(
        train=command('train'),
        path=_typed(path, configs.parent),
        notes=comment(start.why),
        network=f'{base}/{parts.base}',
        schedule=f'{base}/{parts.schedule}',
        runtime=f'{base}/default_runtime.py',
        model=',\n    '.join(model),
        size=size,
        rest=rest,
        epochs=epochs,
        interval=max(epochs // 20, 1),
    )


def _typed(path: Path, project: Path) -> str:
    """Return a path as it is typed in the project, or in the current folder."""
    for folder in (project, Path.cwd()):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.as_posix()


def comment(text: str) -> str:
    """Return a text as comment lines of at most 79 characters."""
    return ''.join(f'# {line}\n' for line in wrap(text, 77, break_long_words=False))


def _self_training(
    shares: tuple[float, ...], counts: Counts, epochs: int, adam: bool
) -> str:
    # As many images in a step as the other methods have, if there are.
    batch = min(
        2 * counts.batch, smallest_epoch(counts.labeled, counts.unlabeled, shares)
    )
    images = repetitions(counts.labeled, 0) * counts.labeled
    steps = max(images // batch, 1)
    first = ''
    if epochs * steps < FIRST_STEPS:  # its epochs are short
        first = f', supervised_epochs={round(FIRST_STEPS / steps)}'
    scaled = 'auto_scale_lr = dict(base_batch_size=16)\n'
    if adam:
        scaled = ''  # of AdamW, below
    return f"""\
runner_type = 'SelfTrainingRunner'
self_training = dict(shares={shares}{first})
total_batch_size = {batch}  # of one stream, labeled and pseudo-labeled
{scaled}""" + loader_text(
        'ratio=(1, 0)', 'pseudo_pipeline', "type='SelfTrainingDataset'"
    )
