"""Random draws of a step that do not depend on the steps before it."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds all draws of a step by the run's seed, the step and the process.

    Dropout and all else that a method draws is then the same after a resume
    as it would have been without the interruption, whatever validation or
    loading drew in between.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        entropy = (runner.seed, runner.iter, get_rank())
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
