"""Which labeled, unlabeled and partner images meet in a sample."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmsemi.registry import DATA_SAMPLERS

PARTNERS = ('independent', 'same_image', 'in_batch')


class SemiIndex(NamedTuple):
    """What one sample is made of.

    Attributes:
        labeled (tuple[int]): Positions in the labeled list.
        unlabeled (tuple[int]): Positions in the unlabeled list.
        partner (tuple[int]): Positions in the unlabeled list of the images
            that are mixed into ``unlabeled``; empty for ``in_batch``.
        seed (int): Seed of every augmentation of this sample.
    """

    labeled: tuple[int, ...]
    unlabeled: tuple[int, ...]
    partner: tuple[int, ...]
    seed: int


@DATA_SAMPLERS.register_module()
class SemiSampler(Sampler):
    """Draws index tuples (labeled, unlabeled, partner) for a semi data set.

    One epoch is one pass over the unlabeled list; the labeled list is
    repeated to that length and reshuffled.  Order and augmentation seeds are
    functions of ``seed`` and the epoch alone: process ``r`` of ``W`` takes
    every ``W``-th sample from the ``r``-th on, so that a step sees the same
    samples for any ``W`` and batch size with the same product, and a resumed
    run finds its place with :meth:`skip`.

    Args:
        dataset (SemiSegDataset): Gives ``num_labeled``, ``num_unlabeled``.
        ratio (Sequence[int]): Labeled and unlabeled images in one sample.
            ``(1, 0)`` leaves the unlabeled images out (supervised training)
            but keeps the epoch's length.  Defaults to (1, 1).
        partner (str): The mix partner of an unlabeled image.
            ``'independent'``: another image;
            ``'same_image'``: another augmentation of the same image, which
            the released multi-process trainers come to by zipping two
            iterators with one seed;
            ``'in_batch'``: the flipped unlabeled batch (UniMatch V2), for
            which nothing is loaded.  Defaults to 'independent'.
        shuffle (bool): Defaults to True.
        infinite (bool): Go through the epochs without end, for
            ``IterBasedTrainLoop``.  Defaults to False.
        seed (int, optional): Defaults to one that all processes agree on.

    Raises:
        ValueError: An unknown policy or ratio, or fewer samples than
            processes.
    """

    def __init__(
        self,
        dataset,
        ratio: Sequence[int] = (1, 1),
        partner: str = 'independent',
        shuffle: bool = True,
        infinite: bool = False,
        seed: int | None = None,
    ) -> None:
        if partner not in PARTNERS:
            raise ValueError(f'partner={partner!r} is none of {PARTNERS}.')
        if len(ratio) != 2 or min(ratio) < 0 or max(ratio) == 0:
            raise ValueError(
                f'ratio={tuple(ratio)} should be two counts '
                '(labeled, unlabeled), not both 0.'
            )
        self.rank, self.world_size = get_dist_info()
        self.num_labeled = dataset.num_labeled
        self.num_unlabeled = dataset.num_unlabeled
        self.labeled_per_sample, self.unlabeled_per_sample = ratio
        self.partner = partner
        self.shuffle = shuffle
        self.infinite = infinite
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self._skip = 0

        self.num_samples = (self.num_unlabeled or self.num_labeled) // max(
            self.unlabeled_per_sample, 1
        )
        if len(self) == 0:
            raise ValueError(
                f'{self.num_unlabeled} unlabeled images make '
                f'{self.num_samples} samples of {self.unlabeled_per_sample}, '
                f'too few for {self.world_size} processes. Use fewer '
                'processes or more images.'
            )

    def __len__(self) -> int:
        """Samples of this process in an epoch."""
        return self.num_samples // self.world_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next pass is about."""
        self.epoch = epoch

    def skip(self, num_samples: int) -> None:
        """Leave out the first samples (of this process) of the next pass.

        Costs nothing per sample.  ``infinite`` samplers may skip whole
        epochs; this is also what ``IterBasedTrainLoop`` calls on resume.
        """
        self._skip = num_samples

    def __iter__(self) -> Iterator[SemiIndex]:
        skip, self._skip = self._skip, 0
        epoch = self.epoch
        if self.infinite:
            epoch += skip // len(self)
            skip %= len(self)
        while True:
            labeled, unlabeled, partner, seeds = self._epoch_order(epoch)
            for i in range(skip, len(self)):
                i = i * self.world_size + self.rank
                yield SemiIndex(
                    tuple(labeled[i].tolist()),
                    tuple(unlabeled[i].tolist()),
                    tuple(partner[i].tolist()),
                    int(seeds[i]),
                )
            if not self.infinite:
                return
            epoch, skip = epoch + 1, 0

    def _epoch_order(self, epoch: int) -> tuple[np.ndarray, ...]:
        """Labeled (N, l), unlabeled (N, u), partner (N, u or 0), seeds (N,).

        All processes compute the same arrays.
        """
        rng = np.random.default_rng((self.seed, epoch))
        n = self.num_samples
        labeled = self._order(rng, self.num_labeled, n * self.labeled_per_sample)
        unlabeled = self._order(rng, self.num_unlabeled, n * self.unlabeled_per_sample)
        # Another place in the same order is always another image.
        shift = int(rng.integers(1, max(len(unlabeled), 2)))
        partner = dict(
            independent=np.roll(unlabeled, shift),
            same_image=unlabeled,
            in_batch=unlabeled[:0],
        )[self.partner]
        seeds = rng.integers(2**32, size=n, dtype=np.uint32)
        return (
            labeled.reshape(n, -1),
            unlabeled.reshape(n, -1),
            partner.reshape(n, -1),
            seeds,
        )

    def _order(self, rng: np.random.Generator, num: int, length: int) -> np.ndarray:
        """``length`` of ``num`` indices, each as often as any other (+-1)."""
        whole, rest = divmod(length, num) if num else (0, 0)
        if not self.shuffle:
            return np.resize(np.arange(num), length)
        order = np.concatenate(
            [np.tile(np.arange(num), whole), rng.permutation(num)[:rest]]
        )
        return rng.permutation(order)
