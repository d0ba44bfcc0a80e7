"""Find the files that a step was trained on."""

import copy
from itertools import islice

from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsemi.datasets import SemiSampler, SemiSegDataset
from mmsemi.structures import STREAMS


def files_of_step(runner: Runner) -> list[str]:
    """Find the images that this process loaded for the current step.

    A batch holds no file names.  They are derived from the order of the
    sampler, which its seed determines.

    Returns:
        list[str]: Paths of the labeled, unlabeled and partner images, sample
        by sample.  Empty if the order is unknown: for samplers other than
        :class:`SemiSampler`, and for steps that are not in the current epoch
        (a loop that repeats steps).
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
        if not 0 <= step < len(loader):
            return []
        sampler.set_epoch(runner.epoch)
    sampler.skip(step * loader.batch_size)
    return [
        loader.dataset.image_path(stream, i)
        for index in islice(sampler, loader.batch_size)
        for stream in STREAMS
        for i in getattr(index, stream)
    ]
