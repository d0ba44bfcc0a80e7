"""Seed every step, so that its draws do not depend on the steps before."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsemi.registry import HOOKS


def seed_step(seed: int, step: int) -> None:
    """Seed PyTorch, NumPy and Python for a step of this process.

    Args:
        seed (int): Seed of the run.
        step (int): From 0.
    """
    entropy = (seed, step, get_rank())
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seed all draws of a step with the run's seed, the step and the process.

    Dropout and everything else that a method draws is then the same after a
    resume as without the interruption, whatever a validation or the loading
    of data drew in between.
    """

    priority = 'VERY_HIGH'  # before any hook draws

    def before_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        """Seed PyTorch, NumPy and Python."""
        seed_step(runner.seed, runner.iter)
