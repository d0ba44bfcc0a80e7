"""Training data of a self-training stage."""

import math
from collections.abc import Sequence
from typing import Any, cast

from mmsemi.registry import DATASETS

from .list_dataset import ListSegDataset
from .semi_dataset import SemiSegDataset

DOUBLE_BELOW = 200


def repetitions(labeled: int, pseudo: int, double_below: int = DOUBLE_BELOW) -> int:
    """Return how often an epoch repeats every labeled image.

    Args:
        labeled (int): Number of labeled images.
        pseudo (int): Number of pseudo-labeled images in the same epoch.
        double_below (int): Without pseudo-labeled images, fewer labeled ones
            than this are repeated twice.
    """
    if pseudo:
        return math.ceil(pseudo / labeled)
    return 2 if labeled < double_below else 1


def smallest_epoch(
    labeled: int,
    unlabeled: int,
    shares: Sequence[float],
    double_below: int = DOUBLE_BELOW,
) -> int:
    """Return the images of an epoch in the stage that has the fewest.

    Args:
        labeled (int): Number of labeled images.
        unlabeled (int): Number of unlabeled images.
        shares (Sequence[float]): Share of the unlabeled images that is
            pseudo-labeled in each round, in [0, 1].
        double_below (int): As in :func:`repetitions`.
    """
    rounds = (0, *(int(unlabeled * share) for share in shares))
    return min(
        repetitions(labeled, pseudo, double_below) * labeled + pseudo
        for pseudo in rounds
    )


@DATASETS.register_module()
class SelfTrainingDataset(SemiSegDataset):
    """Load labeled and pseudo-labeled images as one stream, ``labeled``.

    With U pseudo-labeled images, the L labeled ones are repeated ceil(U / L)
    times; without any, they are repeated twice if they are few.  An epoch of
    ``SemiSampler(ratio=(1, 0))`` is a pass over all of these.

    Args:
        data_root (str): Folder that lists and their lines are relative to.
        labeled_list (str): ``IMAGE MASK`` lines.
        unlabeled_list (str, optional): Images to predict pseudo-labels for,
            as in :class:`SemiSegDataset`.
        train_list (str, optional): Likewise.
        labeled_pipeline (list[dict]): Transforms of labeled images.
        unlabeled_pipeline (list[dict]): Transforms of pseudo-labeled images,
            which have masks too.
        pseudo_list (str, optional): ``IMAGE PSEUDO_LABEL`` lines.
        double_below (int): Without pseudo-labeled images, fewer labeled ones
            than this are repeated twice.  Defaults to 200.
        max_corrupt (int): As in :class:`SemiSegDataset`.
        **kwargs: As in :class:`SemiSegDataset`.

    Raises:
        ValueError: As :class:`SemiSegDataset`.
    """

    def __init__(
        self,
        data_root: str | None = None,
        labeled_list: str = '',
        unlabeled_list: str | None = None,
        train_list: str | None = None,
        labeled_pipeline: Sequence[dict] = (),
        unlabeled_pipeline: Sequence[dict] = (),
        pseudo_list: str | None = None,
        double_below: int = DOUBLE_BELOW,
        max_corrupt: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_root,
            labeled_list,
            unlabeled_list,
            train_list,
            labeled_pipeline,
            unlabeled_pipeline,
            max_corrupt,
            **kwargs,
        )
        self.pseudo: ListSegDataset | None = None
        if pseudo_list:
            kwargs['reduce_zero_label'] = False  # predicted classes already
            kwargs['anywhere'] = True  # the masks lie in the work dir
            self.pseudo = ListSegDataset(
                pseudo_list, data_root, pipeline=unlabeled_pipeline, **kwargs
            )
        self.double_below = double_below
        self.repeats = repetitions(
            len(self.labeled), len(self.pseudo or ()), double_below
        )

    @property
    def parts(self) -> list[ListSegDataset]:
        """All lists of this data set."""
        return super().parts + ([self.pseudo] if self.pseudo else [])

    @property
    def num_labeled(self) -> int:
        """Number of images of the stream, repetitions included."""
        return self.repeats * len(self.labeled) + len(self.pseudo or ())

    @property
    def num_unlabeled(self) -> int:
        """0: a sampler draws from the stream ``labeled`` alone."""
        return 0

    def is_pseudo(self, i: int) -> bool:
        """Tell whether the i-th image of the stream has a pseudo-label."""
        return i >= self.repeats * len(self.labeled)

    def _locate(self, stream: str, i: int) -> tuple[ListSegDataset, int]:
        pseudo = i - self.repeats * len(self.labeled)
        if pseudo >= 0:
            return cast(ListSegDataset, self.pseudo), pseudo
        return self.labeled, i % len(self.labeled)
