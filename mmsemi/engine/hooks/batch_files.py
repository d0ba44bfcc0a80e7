"""Which files a step has seen, without carrying their names along."""

import copy
from itertools import islice

from mmengine.runner import EpochBasedTrainLoop

from mmsemi.datasets import SemiSampler, SemiSegDataset


def files_of_step(runner) -> list[str]:
    """Images of this process in the present step.

    The order follows from the sampler's seed, so that it can be looked up
    afterwards.

    Returns:
        list[str]: Paths, in the order of labeled, unlabeled and partner of
        one sample after the other; empty for other samplers than
        :class:`SemiSampler`.
    """
    loader = runner.train_dataloader
    if not (
        isinstance(loader.sampler, SemiSampler)
        and isinstance(loader.dataset, SemiSegDataset)
    ):
        return []
    sampler, step = copy.copy(loader.sampler), runner.iter
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        step -= runner.epoch * len(loader)
        sampler.set_epoch(runner.epoch)
    sampler.skip(step * loader.batch_size)
    return [
        loader.dataset.image_path(stream, i)
        for index in islice(sampler, loader.batch_size)
        for stream in ('labeled', 'unlabeled', 'partner')
        for i in getattr(index, stream)
    ]
