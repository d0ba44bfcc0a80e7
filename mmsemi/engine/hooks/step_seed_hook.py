"""Random draws of a step that do not depend on the steps before it."""
from typing import Optional

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmsemi.registry import HOOKS


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds PyTorch before every step by the run's seed, step and process.

    Dropout and all else that a method draws is then the same after a resume
    as it would have been without the interruption, whatever validation or
    loading drew in between.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self,
                          runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        entropy = (runner.seed, runner.iter, get_rank())
        torch.manual_seed(
            int(np.random.SeedSequence(entropy).generate_state(1)[0]))
