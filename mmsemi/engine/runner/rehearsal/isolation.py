"""Leave a run as it was before its rehearsal."""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmsemi.utils.compat import forget_instances


def attempt(part: str, do: Any, *args: Any) -> str:
    """Run a part of the rehearsal; return its description."""
    try:
        return do(*args)
    except torch.OutOfMemoryError:
        return f'no {part}, which did not fit into the memory of the GPU'
    except (OSError, ValueError):
        raise  # they say what to do
    except Exception as error:
        raise RuntimeError(
            f'The rehearsal of a {part} fails, as the training would: '
            f'{type(error).__name__}: {error} (`--cfg-options rehearse=False` '
            'starts the training regardless.)'
        ) from error


@contextmanager
def untouched(runner: Runner) -> Iterator[None]:
    """Restore all that a rehearsal changes besides the copy of the network."""
    benchmark = torch.backends.cudnn.benchmark
    # A method that logs by itself logs into a copy.
    hub = MessageHub.get_instance(f'{runner.experiment_name}_rehearsal')
    muted = runner.logger.disabled
    try:
        runner.logger.disabled = True
        # It would be tuned to other shapes than the run's.
        torch.backends.cudnn.benchmark = False
        with same_draws(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            hub.load_state_dict(runner.message_hub.state_dict())
            yield
    finally:
        forget_instances(hub)
        runner.logger.disabled = muted
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def same_draws() -> Iterator[None]:
    """Restore the states of all random number generators."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
