"""Load the first samples of a training, as it loads them."""

from collections.abc import Container, Iterator
from itertools import islice
from typing import Any, NamedTuple, cast

import torch
from mmengine.config import Config
from torch import Tensor

from mmsemi.datasets import SemiSegDataset
from mmsemi.datasets.semi_sampler import SemiIndex
from mmsemi.engine import SemiRunner
from mmsemi.engine.runner.batch import samples_per_step
from mmsemi.engine.runner.switches import leave_views_to_device
from mmsemi.structures import Batch


class Step(NamedTuple):
    """Some samples of a step.

    Attributes:
        number (int): Of the step, from 0.
        batch (Batch): Their images, and the mix partners that these need.
        images (list[dict]): For every sample, files by stream.
        labels (list[list[str]]): For every sample, what the masks of its labeled
            images are.
        metainfo (dict): Classes and palette.
    """

    number: int
    batch: Batch
    images: list[dict[str, list[str]]]
    labels: list[list[str]]
    metainfo: dict


def first_steps(
    cfg: Config, number: int, seed: int, pseudo_labeled: bool = False
) -> Iterator[Step]:
    """Load the first samples of a training, step by step.

    Args:
        cfg (Config): The config, with its settings resolved.
        number (int): How many.
        seed (int): Seed of the training.
        pseudo_labeled (bool): Only those with a pseudo-label, of self-training.

    Raises:
        ValueError: The data set of the config has no streams.
    """
    dataset = cfg.train_dataloader.dataset
    if cfg.get('views_on_device'):
        dataset = leave_views_to_device(dataset)
    loader = SemiRunner.build_dataloader(
        dict(
            cfg.train_dataloader,
            dataset=dataset,
            batch_size=samples_per_step(cfg),
            num_workers=0,
            persistent_workers=False,
            pin_memory=False,
        ),
        seed=seed,
    )
    dataset, order = loader.dataset, iter(loader.sampler)
    if pseudo_labeled:
        order = (index for index in order if dataset.is_pseudo(index.labeled[0]))
    if not isinstance(dataset, SemiSegDataset):
        raise ValueError(
            f'train_dataloader.dataset is a {type(dataset).__name__}, which yields no '
            'streams of mmsemi: use browse_dataset.py of mmsegmentation for it.'
        )
    for step in range(number):  # at most: a step has one sample or more
        indices = list(islice(order, loader.batch_size))
        if not indices:
            return
        batch = loader.collate_fn([dataset[index] for index in indices])
        shown = indices[:number]
        yield Step(
            step,
            part_of(batch, shown),
            [_files(dataset, index, batch.get('corrupt', {})) for index in shown],
            [_labels(dataset, index) for index in shown],
            dataset.metainfo,
        )
        number -= len(shown)
        if not number:
            return


def _files(
    dataset: SemiSegDataset, index: SemiIndex, corrupt: Container[str]
) -> dict[str, list[str]]:
    """Name the files of a sample by stream, and those that were left out."""

    def name(stream: str, i: int) -> str:
        path = dataset.image_path(stream, i)
        return f'{path} (corrupt: another image is shown)' if path in corrupt else path

    return {
        stream: [name(stream, i) for i in getattr(index, stream)]
        for stream in ('labeled', 'unlabeled', 'partner')
    }


def _labels(dataset: SemiSegDataset, index: SemiIndex) -> list[str]:
    pseudo = getattr(dataset, 'is_pseudo', lambda i: False)
    return ['pseudo-label' if pseudo(i) else 'mask' for i in index.labeled]


def part_of(batch: Batch, shown: list[SemiIndex]) -> Batch:
    """Return the first samples of a batch, with the partners that they need.

    Args:
        batch (Batch): A collated batch.
        shown (list[SemiIndex]): Its first samples.
    """
    counts = {
        stream: sum(len(getattr(index, stream)) for index in shown)
        for stream in ('labeled', 'unlabeled')
    }
    part: dict[str, Any] = {}
    if 'labeled' in batch:
        part['labeled'] = _take(batch['labeled'], list(range(counts['labeled'])))
    if 'unlabeled' not in batch:
        return cast(Batch, part)
    kept = list(range(counts['unlabeled']))
    pastes = [
        [paste for paste in view if paste.image in kept]
        for view in batch['unlabeled'].get('boxes', [])
    ]
    partners = sorted({paste.partner for view in pastes for paste in view})
    if 'partner' in batch and partners:
        part['partner'] = _take(batch['partner'], partners)
        place = {old: new for new, old in enumerate(partners)}
    else:  # partners are unlabeled images of the same batch
        kept += [i for i in partners if i not in kept]
        place = {old: new for new, old in enumerate(kept)}
    part['unlabeled'] = _take(batch['unlabeled'], kept)
    if 'boxes' in batch['unlabeled']:
        part['unlabeled']['boxes'] = [
            [paste._replace(partner=place[paste.partner]) for paste in view]
            for view in pastes
        ]
    return cast(Batch, part)


def _take(stream: Any, places: list[int]) -> Any:
    """Select images of a stream, of lists of views and of their draws."""
    if isinstance(stream, Tensor):
        return stream[torch.tensor(places)]
    if isinstance(stream, dict):
        return {k: _take(v, places) for k, v in stream.items() if k != 'boxes'}
    return [_take(each, places) for each in stream]
