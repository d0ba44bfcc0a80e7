"""Labeled, unlabeled and partner images from one data set."""

import random
from collections import ChainMap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, cast

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset, default_collate

from mmsemi.registry import DATASETS, FUNCTIONS
from mmsemi.structures import STREAMS, Batch, Sample, as_pastes

from .list_dataset import ListSegDataset
from .semi_sampler import SemiIndex
from .transforms import FaultyFile


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Seed python, numpy and torch (CPU); restore their states afterwards."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def image_paths(dataset: BaseDataset) -> Iterator[str]:
    """Yield the image paths of a data set, without loading any image."""
    if isinstance(dataset, ListSegDataset):
        yield from dataset.image_paths()
        return
    for i in range(len(dataset)):
        yield dataset.get_data_info(i)['img_path']


def _candidates(place: int, num: int, seed: tuple[int, ...]) -> Iterator[int]:
    """Yield ``place``, then all positions in a seeded random order."""
    yield place
    yield from map(int, np.random.default_rng(seed).permutation(num))


def _takes_from_partner(image: dict) -> bool:
    """Return whether an unlabeled image needs its partner: a box is not empty."""
    return 'boxes' not in image or not all(box.empty for box in image['boxes'])


@DATASETS.register_module()
class SemiSegDataset(Dataset):
    """Load labeled images, unlabeled images and their mix partners as one sample.

    Indexed with a :class:`SemiIndex`, it returns a
    :class:`mmsemi.structures.Sample` of images that their pipelines packed.
    A partner goes through the unlabeled pipeline with draws of its own; it is
    None, and not loaded, if all boxes of the unlabeled image are empty.
    Every draw follows from the index's seed, so neither the worker nor what
    it loaded before changes a sample.

    Args:
        data_root (str): Folder that lists and their lines are relative to;
            required.
        labeled_list (str): ``IMAGE MASK`` lines; required.
        unlabeled_list (str, optional): ``IMAGE`` lines; masks on them are
            ignored.  Defaults to None: ``train_list`` minus ``labeled_list``.
        train_list (str, optional): The full train list, used without
            ``unlabeled_list``.  With neither there are no unlabeled images.
        labeled_pipeline (list[dict]): Transforms of labeled images.
        unlabeled_pipeline (list[dict]): Transforms of unlabeled images.
        max_corrupt (int): Unusable files that may be left out before the run
            stops.  Such an image is replaced with another one of its list,
            chosen with the index's seed, and the sample reports it under
            ``corrupt``; :class:`mmsemi.engine.CorruptFilesHook` counts them.
            Defaults to 0: the first one is an error.
        **kwargs: For both lists (:class:`ListSegDataset`): ``metainfo``,
            ``reduce_zero_label``, ...

    Raises:
        ValueError: No labeled list is given, or the lists leave no image
            unlabeled; and as :class:`ListSegDataset` and :func:`read_list`.
    """

    def __init__(
        self,
        data_root: str | None = None,
        labeled_list: str = '',
        unlabeled_list: str | None = None,
        train_list: str | None = None,
        labeled_pipeline: Sequence[dict] = (),
        unlabeled_pipeline: Sequence[dict] = (),
        max_corrupt: int = 0,
        **kwargs: Any,
    ) -> None:
        self.max_corrupt = max_corrupt
        if not labeled_list:
            raise ValueError(
                f'{type(self).__name__} was given no `labeled_list`: name the '
                'list of labeled images in the config.'
            )
        self.labeled = ListSegDataset(
            labeled_list, data_root, pipeline=labeled_pipeline, **kwargs
        )
        self.unlabeled: ListSegDataset | None = None
        if full_list := unlabeled_list or train_list:
            labeled = () if unlabeled_list else set(image_paths(self.labeled))
            self.unlabeled = ListSegDataset(
                full_list,
                data_root,
                need_masks=False,
                without=labeled,
                pipeline=unlabeled_pipeline,
                **kwargs,
            )
            if not len(self.unlabeled):
                raise ValueError(
                    f'No image of {train_list} is unlabeled: all are in the '
                    'labeled list. Choose a smaller labeled list, or name an '
                    '`unlabeled_list`.'
                )

    @property
    def parts(self) -> list[ListSegDataset]:
        """All lists of this data set."""
        return [self.labeled] + ([self.unlabeled] if self.unlabeled else [])

    @property
    def metainfo(self) -> dict:
        """Classes and palette, as in mmseg's data sets."""
        return self.labeled.metainfo

    @property
    def num_labeled(self) -> int:
        """Number of labeled images."""
        return len(self.labeled)

    @property
    def num_unlabeled(self) -> int:
        """Number of unlabeled images."""
        return len(self.unlabeled) if self.unlabeled is not None else 0

    def __len__(self) -> int:
        """Return the length of an epoch: a pass over the unlabeled images."""
        return self.num_unlabeled or self.num_labeled

    def __getitems__(self, indices: Sequence[SemiIndex]) -> list[Sample]:
        """Load the samples of a batch; files at addresses are fetched together."""
        images = [
            self._locate(stream, i)
            for index in indices
            for stream in STREAMS
            for i in getattr(index, stream)
        ]
        for part in self.parts:
            part.fetch(place for of, place in images if of is part)
        return [self[index] for index in indices]

    def __getitem__(self, index: SemiIndex) -> Sample:
        """Load the images of a sample."""
        corrupt: dict[str, str] = {}

        def load(stream: str, k: int) -> dict:
            seed = index.seed, STREAMS.index(stream), k
            return self._load(stream, getattr(index, stream)[k], seed, corrupt)

        labeled = [load('labeled', k) for k in range(len(index.labeled))]
        unlabeled = [load('unlabeled', k) for k in range(len(index.unlabeled))]
        partner = [
            load('partner', k) if _takes_from_partner(unlabeled[k]) else None
            for k in range(len(index.partner))
        ]
        return Sample(
            labeled=labeled, unlabeled=unlabeled, partner=partner, corrupt=corrupt
        )

    def _load(
        self, stream: str, i: int, seed: tuple[int, ...], corrupt: dict[str, str]
    ) -> dict:
        """Load a stream's i-th image, or another one if its file is corrupt."""
        part, place = self._locate(stream, i)
        for candidate in _candidates(place, len(part), seed):
            try:
                with seeded(*seed):
                    return part[candidate]
            except FaultyFile as error:
                if not self.max_corrupt:
                    raise FaultyFile(
                        f'{error} `--cfg-options train_dataloader.dataset.'
                        'max_corrupt=N` leaves out up to N such files.'
                    ) from error
                corrupt[part.get_data_info(candidate)['img_path']] = str(error)
        raise FaultyFile(f'No image of {part.ann_file} can be used.')

    def image_path(self, stream: str, i: int) -> str:
        """Return the file of a stream's i-th image."""
        part, place = self._locate(stream, i)
        return part.get_data_info(place)['img_path']

    def _locate(self, stream: str, i: int) -> tuple[ListSegDataset, int]:
        """Return the list of a stream's i-th image, and its index there."""
        part = self.labeled if stream == 'labeled' else self.unlabeled
        return cast(ListSegDataset, part), i


@FUNCTIONS.register_module()
def stack_streams(samples: Sequence[Sample]) -> Batch:
    """Collate samples into one batch.

    The boxes of the unlabeled images become pastes, which know the index of
    each image's partner: in the stream ``partner`` without the images that
    were not loaded, or in the reversed unlabeled batch if the sampler draws
    no partners (``in_batch``).

    Args:
        samples (Sequence[Sample]): B samples of :class:`SemiSegDataset` with
            n images in a stream.

    Returns:
        Batch: Streams of B * n images; those without images are left out.
    """
    labeled = [image for sample in samples for image in sample['labeled']]
    unlabeled = [image for sample in samples for image in sample['unlabeled']]
    partner = [image for sample in samples for image in sample['partner']]
    loaded = [image for image in partner if image is not None]
    if partner:
        places = [count - 1 for count in accumulate(p is not None for p in partner)]
    else:
        places = list(reversed(range(len(unlabeled))))

    batch: dict = {
        name: default_collate([_without_boxes(image) for image in images])
        for name, images in zip(STREAMS, (labeled, unlabeled, loaded), strict=True)
        if images
    }
    if unlabeled and 'boxes' in unlabeled[0]:
        views = zip(*(image['boxes'] for image in unlabeled), strict=True)
        batch['unlabeled']['boxes'] = [as_pastes(boxes, places) for boxes in views]
    corrupt = dict(ChainMap(*(sample['corrupt'] for sample in samples)))
    if corrupt:
        batch['corrupt'] = corrupt
    return cast(Batch, batch)


def _without_boxes(image: dict) -> dict:
    return {key: value for key, value in image.items() if key != 'boxes'}
