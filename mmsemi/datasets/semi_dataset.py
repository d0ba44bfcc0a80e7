"""The streams of semi-supervised training, from one data set."""

import random
from collections import ChainMap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, compress

import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from mmsemi.registry import DATASETS, FUNCTIONS
from mmsemi.structures.paste import as_pastes

from .list_dataset import ListSegDataset
from .semi_sampler import SemiIndex
from .transforms import FaultyFile

STREAMS = ('labeled', 'unlabeled', 'partner')


@contextmanager
def seeded(*entropy: int):
    """Seed python, numpy and torch (CPU), and put their states back."""
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


def image_paths(dataset: ListSegDataset) -> Iterator[str]:
    """The image paths of a data set, without loading any."""
    for i in range(len(dataset)):
        yield dataset.get_data_info(i)['img_path']


def _candidates(place: int, num: int, seed: tuple[int, ...]) -> Iterator[int]:
    """A place, then all of them in an order that follows from the seed."""
    yield place
    yield from np.random.default_rng(seed).permutation(num).tolist()


def _is_box(key: str) -> bool:
    return key.startswith('box')


def _without_boxes(image: dict) -> dict:
    return {key: value for key, value in image.items() if not _is_box(key)}


def _unmixed(image: dict[str, torch.Tensor]) -> bool:
    """Whether an image has boxes, all empty: nothing is mixed into it."""
    boxes = [box for key, box in image.items() if _is_box(key)]
    return bool(boxes) and not any(box.any() for box in boxes)


@DATASETS.register_module()
class SemiSegDataset(Dataset):
    """Labeled and unlabeled images as streams of one sample.

    Indexed by a :class:`SemiIndex`, it gives ``dict(labeled=[...],
    unlabeled=[...], partner=[...])``, each item what the stream's pipeline
    packed.  The partner goes through the unlabeled pipeline with draws of
    its own; it is not loaded where all boxes of the unlabeled image are
    empty, and that image takes its place.  Every draw follows from the
    index's seed: which worker loads a sample, and what was loaded before it,
    do not matter.

    Args:
        data_root (str): Folder that lists and their lines are relative to;
            required.
        labeled_list (str): ``IMAGE MASK`` lines; required.
        unlabeled_list (str, optional): ``IMAGE`` lines; a mask on the line
            is not looked at.  Defaults to None: ``train_list`` minus
            ``labeled_list``.
        train_list (str, optional): The full train list, where
            ``unlabeled_list`` is not given.  With neither there are no
            unlabeled images.
        labeled_pipeline (list[dict]): Transforms of labeled images.
        unlabeled_pipeline (list[dict]): Transforms of unlabeled images.
        max_corrupt (int): Files that cannot be used and may be left out
            before the run ends.  In the place of such an image comes another
            one of its list, drawn by the index's seed, and the sample names
            it under ``corrupt``; :class:`mmsemi.engine.CorruptFilesHook`
            counts.  Defaults to 0: the first one is an error.
        **kwargs: For both halves (:class:`ListSegDataset`): ``metainfo``,
            ``reduce_zero_label``, ...

    Raises:
        ValueError: No labeled list, lists without any unlabeled image left,
            and all that :class:`ListSegDataset` and :func:`read_list` raise.
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
        **kwargs,
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
        self.unlabeled = None
        if unlabeled_list or train_list:
            labeled = () if unlabeled_list else set(image_paths(self.labeled))
            self.unlabeled = ListSegDataset(
                unlabeled_list or train_list,
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
        """The lists that there are."""
        return [self.labeled] + ([self.unlabeled] if self.unlabeled else [])

    @property
    def metainfo(self) -> dict:
        """Classes and palette, as mmseg's data sets give them."""
        return self.labeled.metainfo

    @property
    def num_labeled(self) -> int:
        return len(self.labeled)

    @property
    def num_unlabeled(self) -> int:
        return len(self.unlabeled) if self.unlabeled is not None else 0

    def __len__(self) -> int:
        """Unlabeled images, which measure an epoch."""
        return self.num_unlabeled or self.num_labeled

    def __getitem__(self, index: SemiIndex) -> dict[str, list[dict]]:
        streams, corrupt = {}, {}
        for s, name in enumerate(STREAMS):
            streams[name] = []
            for k, i in enumerate(getattr(index, name)):
                if name == 'partner' and _unmixed(streams['unlabeled'][k]):
                    image = streams['unlabeled'][k]  # any will do
                else:
                    image = self._load(name, i, (index.seed, s, k), corrupt)
                streams[name].append(image)
        if corrupt:
            streams['corrupt'] = corrupt
        return streams

    def _load(
        self, stream: str, i: int, seed: tuple[int, ...], corrupt: dict[str, str]
    ) -> dict:
        """A stream's i-th image, or one in its place."""
        part, place = self._locate(stream, i)
        for place in _candidates(place, len(part), seed):
            try:
                with seeded(*seed):
                    return part[place]
            except FaultyFile as error:
                if not self.max_corrupt:
                    raise FaultyFile(
                        f'{error} `--cfg-options train_dataloader.dataset.'
                        'max_corrupt=N` goes on without up to N such files.'
                    ) from error
                corrupt[part.get_data_info(place)['img_path']] = str(error)
        raise FaultyFile(f'No image of {part.ann_file} can be used.')

    def image_path(self, stream: str, i: int) -> str:
        """The file of a stream's i-th image."""
        part, place = self._locate(stream, i)
        return part.get_data_info(place)['img_path']

    def _locate(self, stream: str, i: int) -> tuple[ListSegDataset, int]:
        """The list, and the place in it, of a stream's i-th image."""
        return (self.labeled if stream == 'labeled' else self.unlabeled), i


@FUNCTIONS.register_module()
def stack_streams(batch: Sequence[dict[str, list[dict]]]) -> dict[str, dict]:
    """Collate samples into one batch per stream.

    Args:
        batch (Sequence[dict]): ``B`` samples of :class:`SemiSegDataset` with
            ``n`` images in a stream.

    Returns:
        dict[str, dict]: Per stream the packed tensors with a leading
        dimension ``B * n``; streams without images are left out.  Partners
        that nothing is taken from are left out, too: the boxes, a list of
        :class:`mmsemi.structures.paste.Paste` for each view, say where theirs
        are.  ``corrupt``, where there is any: files that were left out, and
        why.
    """
    images = {
        name: [image for sample in batch for image in sample[name]] for name in STREAMS
    }
    partners = None
    if images['partner']:
        mixed = [not _unmixed(image) for image in images['unlabeled']]
        images['partner'] = list(compress(images['partner'], mixed))
        partners = [place - 1 for place in accumulate(mixed)]
    streams = {
        name: default_collate([_without_boxes(image) for image in part])
        for name, part in images.items()
        if part
    }
    for key in filter(_is_box, next(iter(images['unlabeled']), ())):
        streams['unlabeled'][key] = as_pastes(
            (image[key].tolist() for image in images['unlabeled']), partners
        )
    corrupt = [sample['corrupt'] for sample in batch if 'corrupt' in sample]
    if corrupt:
        streams['corrupt'] = dict(ChainMap(*corrupt))
    return streams
