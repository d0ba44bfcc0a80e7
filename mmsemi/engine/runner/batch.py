"""Compute how many samples a training step takes.

Used by the runner, the check of a data set, the check before self-training and
the prediction of memory.
"""

from typing import Any


def steps_per_update(cfg: dict[str, Any]) -> int:
    """Return how many steps accumulate gradients for one update.

    Args:
        cfg (dict): Config of a run; reads ``optim_wrapper``.
    """
    return (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)


def samples_per_step(cfg: dict[str, Any], processes: int = 1) -> int:
    """Return how many samples one process takes in a step.

    ``train_dataloader.batch_size``, which is per process and step, overrides
    ``total_batch_size``, which is divided among the processes and the steps of
    an update.  Without either it is 1, PyTorch's default.

    Args:
        cfg (dict): Config of a run.
        processes (int): How many train together.  Defaults to 1.

    Raises:
        ValueError: ``total_batch_size`` is not divisible.
    """
    loader = cfg['train_dataloader']
    if 'batch_size' in loader:
        return loader['batch_size']
    total = cfg.get('total_batch_size')
    if total is None:
        return 1
    steps = steps_per_update(cfg)
    if total % (processes * steps):
        raise ValueError(
            f'total_batch_size={total} cannot be divided among {processes} '
            f'processes of {steps} steps per update. Use a number of processes '
            'and optim_wrapper.accumulative_counts that divide it, or set '
            'train_dataloader.batch_size, which is per process and step.'
        )
    return total // (processes * steps)
