"""Train on several processes without a GPU."""

import logging
from datetime import timedelta
from typing import Any

import torch.distributed as torch_dist
from mmengine.dist import is_distributed
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel
from torch import nn

# Those that MMEngine connects on GPUs only.
LAUNCHERS = ('pytorch', 'slurm')


def join_over_gloo(timeout: float) -> None:
    """Connect the processes that torchrun or SLURM started over gloo.

    Their numbers are in torchrun's variables
    (:func:`mmsemi.utils.slurm.number_processes`).

    Args:
        timeout (float): Seconds that processes wait for one another.
    """
    if not is_distributed():
        torch_dist.init_process_group('gloo', timeout=timedelta(seconds=timeout))


def wrap_on_cpu(
    model: nn.Module, wrapper: dict[str, Any] | None, find_unused: bool
) -> nn.Module:
    """Wrap a model for several processes that train on CPUs.

    MMEngine's wrapping passes GPU ids and converts BatchNorm to SyncBN, which
    PyTorch has on accelerators only.

    Args:
        model (nn.Module): The network.
        wrapper (dict, optional): ``model_wrapper_cfg`` of the config.
        find_unused (bool): ``find_unused_parameters`` of the config.
    """
    warn_of_batch_norm()
    settings = dict(broadcast_buffers=False, find_unused_parameters=find_unused)
    settings.update(wrapper or {})
    settings.pop('type', None)
    return MMDistributedDataParallel(module=model, **settings)


def warn_of_batch_norm() -> None:
    """Log what processes without a GPU do not share."""
    print_log(
        'BatchNorm is not synchronised across processes on the CPU: each '
        'process normalises by its own samples.',
        logger='current',
        level=logging.WARNING,
    )
