"""Choose the labeled, unlabeled and partner images of every sample."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmsemi.registry import DATA_SAMPLERS

PARTNERS = ('independent', 'same_image', 'in_batch')


class TwoLists(Protocol):
    """What the sampler needs to know of a data set."""

    @property
    def num_labeled(self) -> int:
        """Number of labeled images."""

    @property
    def num_unlabeled(self) -> int:
        """Number of unlabeled images."""


class SemiIndex(NamedTuple):
    """Images and seed of one sample.

    Attributes:
        labeled (tuple[int, ...]): Indices in the labeled list.
        unlabeled (tuple[int, ...]): Indices in the unlabeled list.
        partner (tuple[int, ...]): Indices in the unlabeled list of the mix
            partners of ``unlabeled``; empty for ``in_batch``.
        seed (int): Seed of every augmentation of this sample.
    """

    labeled: tuple[int, ...]
    unlabeled: tuple[int, ...]
    partner: tuple[int, ...]
    seed: int


@DATA_SAMPLERS.register_module()
class SemiSampler(Sampler):
    """Draw index tuples (labeled, unlabeled, partner) for a semi data set.

    One epoch is one pass over the unlabeled list; the labeled list is
    repeated to that length and reshuffled.  Order and augmentation seeds
    depend on ``seed`` and the epoch alone: process ``r`` of ``W`` takes every
    ``W``-th sample starting with the ``r``-th, so that a step sees the same
    samples for any ``W`` and batch size with the same product, and a resumed
    run continues at its sample with :meth:`skip`.

    Args:
        dataset (SemiSegDataset): Has ``num_labeled`` and ``num_unlabeled``.
        ratio (Sequence[int]): Labeled and unlabeled images in one sample.
            ``(1, 0)`` leaves the unlabeled images out (supervised training)
            but keeps the epoch's length.  Defaults to (1, 1).
        partner (str): The mix partner of an unlabeled image.
            ``'independent'``: another image;
            ``'same_image'``: another augmentation of the same image, the
            effect of zipping two iterators with one seed in the released
            multi-process trainers;
            ``'in_batch'``: an image of the same batch, in reverse order
            (UniMatch V2), for which nothing more is loaded.  Defaults to
            'independent'.
        shuffle (bool): Whether to shuffle both lists.  Defaults to True.
        num_samples (int, optional): Samples in an epoch, without unlabeled
            images (``ratio=(1, 0)``): the labeled list is repeated to this
            length, as UniMatch V2's supervised baseline does.  Defaults to
            the length of the unlabeled list.
        infinite (bool): Repeat the epochs without end, for
            ``IterBasedTrainLoop``.  Defaults to False.
        seed (int, optional): Defaults to one that all processes agree on.

    Raises:
        ValueError: An unknown policy or ratio, or fewer samples than
            processes.
    """

    def __init__(
        self,
        dataset: TwoLists,
        ratio: Sequence[int] = (1, 1),
        partner: str = 'independent',
        shuffle: bool = True,
        num_samples: int | None = None,
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
        if num_samples is not None and (num_samples < 1 or ratio[1]):
            raise ValueError(
                f'sampler.num_samples={num_samples} with ratio={tuple(ratio)}: only '
                'an epoch without unlabeled images, ratio=(1, 0), has a length of '
                'its own, 1 or more. Leave num_samples out.'
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

        self.num_samples = num_samples or (
            self.num_unlabeled or self.num_labeled
        ) // max(self.unlabeled_per_sample, 1)
        if len(self) == 0:
            raise ValueError(
                f'{self.num_unlabeled} unlabeled images make '
                f'{self.num_samples} samples of {self.unlabeled_per_sample}, '
                f'too few for {self.world_size} processes. Use fewer '
                'processes or more images.'
            )

    def __len__(self) -> int:
        """Return the number of samples of this process in an epoch."""
        return self.num_samples // self.world_size

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass."""
        self.epoch = epoch

    def skip(self, num_samples: int) -> None:
        """Skip the first samples (of this process) of the next pass.

        The cost does not depend on their number.  ``infinite`` samplers may
        skip whole epochs; ``IterBasedTrainLoop`` calls this on resume.
        """
        self._skip = num_samples

    def __iter__(self) -> Iterator[SemiIndex]:
        """Yield the samples of this process."""
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
        """Compute all samples of an epoch, the same on every process.

        Returns:
            tuple: Indices labeled (N, l), unlabeled (N, u) and partner (N, u
            or 0), and seeds (N,).
        """
        rng = np.random.default_rng((self.seed, epoch))
        n = self.num_samples
        labeled = self._order(rng, self.num_labeled, n * self.labeled_per_sample)
        unlabeled = self._order(rng, self.num_unlabeled, n * self.unlabeled_per_sample)
        # Shifting the order pairs every image with another one.
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
        """Draw ``length`` of ``num`` indices, each equally often (+-1)."""
        whole, rest = divmod(length, num) if num else (0, 0)
        if not self.shuffle:
            return np.resize(np.arange(num), length)
        order = np.concatenate(
            [np.tile(np.arange(num), whole), rng.permutation(num)[:rest]]
        )
        return rng.permutation(order)
