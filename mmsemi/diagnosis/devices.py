"""GPUs, and the cores of the CPU."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mmsemi.utils.invocation import command

from .finding import Finding

AREA = 'Devices'
QUOTA = Path('/sys/fs/cgroup/cpu.max')  # "MICROSECONDS PERIOD" or "max PERIOD"
GIB = 2**30


def devices() -> Iterator[Finding]:
    """Look at the devices that a training can use."""
    if importlib.util.find_spec('torch') is not None:
        try:
            import torch
        except Exception:  # reported with the packages
            torch = None
        if torch is not None:
            yield from _gpus(torch)
    yield from _cores()


def _gpus(torch) -> Iterator[Finding]:
    """Look at the GPUs; compute on each."""
    for i in range(torch.cuda.device_count()):
        name = f'GPU {i}'
        try:
            free, total = torch.cuda.mem_get_info(i)
            kind = torch.cuda.get_device_name(i)
            one = float(
                (torch.ones(8, 8, device=f'cuda:{i}') @ torch.ones(8, 8).to(i))[0, 0]
            )
        except Exception as error:  # a driver may raise anything
            yield Finding(
                AREA,
                name,
                'error',
                f'cannot compute: {str(error).strip().partition(chr(10))[0]}',
                'install a PyTorch for this GPU and driver (pytorch.org, nvidia-smi), '
                'or leave it out: CUDA_VISIBLE_DEVICES',
            )
            continue
        text = f'{kind}, {free / GIB:.1f} of {total / GIB:.1f} GiB free'
        if one != 8 or free < 0.5 * total:
            yield Finding(
                AREA,
                name,
                'warning',
                f'{text}: something else uses it',
                'nvidia-smi says what; end it, or choose another by '
                'CUDA_VISIBLE_DEVICES',
            )
        else:
            yield Finding(AREA, name, 'ok', text)
    if torch.cuda.device_count():
        return
    if torch.backends.mps.is_available():
        yield Finding(AREA, 'GPU', 'ok', 'Apple GPU (mps)')
    elif shutil.which('nvidia-smi') and torch.version.cuda is None:
        yield Finding(
            AREA,
            'GPU',
            'warning',
            f'there is an NVIDIA driver, but torch {torch.__version__} is built for '
            'CPUs only',
            'install the CUDA build of torch: pytorch.org',
        )
    elif shutil.which('nvidia-smi') and os.environ.get('CUDA_VISIBLE_DEVICES') is None:
        yield Finding(
            AREA,
            'GPU',
            'warning',
            f'there is an NVIDIA driver, but torch {torch.__version__} finds no GPU',
            f'does the driver support CUDA {torch.version.cuda}? nvidia-smi says so',
        )
    else:
        hidden = os.environ.get('CUDA_VISIBLE_DEVICES')
        yield Finding(
            AREA,
            'GPU',
            'note',
            'none: training runs on the CPU'
            + ('' if hidden is None else f' (CUDA_VISIBLE_DEVICES={hidden})'),
            f'small networks train on it: {command("ls")} camvid_1-8_r18',
        )


def _cores() -> Iterator[Finding]:
    """Look at the cores that this process may use, and at its threads."""
    cores = usable_cores()
    text = f'{cores:g} usable'
    threads = os.environ.get('OMP_NUM_THREADS')
    if threads:
        text += f', OMP_NUM_THREADS={threads}'
    if threads and threads.isdigit() and int(threads) > max(cores, 1):
        yield Finding(
            AREA,
            'CPU cores',
            'warning',
            f'{text}: more threads than cores wait for each other',
            f'OMP_NUM_THREADS={max(1, int(cores))}',
        )
    else:
        yield Finding(AREA, 'CPU cores', 'ok', text)


def usable_cores() -> float:
    """Return how many cores this process may use, by its affinity and its quota."""
    if hasattr(os, 'sched_getaffinity'):
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    try:
        share, period = QUOTA.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if share == 'max' else min(cores, int(share) / int(period))
