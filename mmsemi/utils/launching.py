"""Start a command in several processes, as torchrun does."""

import logging
import os
import signal
import time

from .invocation import this_command
from .processes import SINCE, Processes

# Number of the process that starts the others, which they inherit.
STARTED_BY = 'MMSEMI_STARTED_BY'
# Seconds that a signalled process may take to finish its step and save.
PATIENCE = 300
KILL = 'SIGKILL'


def is_started() -> bool:
    """Tell whether :func:`start` started this process."""
    return os.environ.get(STARTED_BY) == str(os.getppid())


def start(processes: Processes, gpu_each: bool = True) -> int:
    """Start the command of this process in several, and wait for them.

    They get the same arguments, and ``RANK`` and the other variables of torchrun.
    A signal to this process reaches all of them; each has minutes to save what it
    has.  Each machine prints its first error: torchrun's report is left out.

    Args:
        processes (Processes): How many, and where.
        gpu_each (bool): Whether each needs a GPU of its own, if there are any.

    Returns:
        int: The exit status that one process would have: 143 after a SIGTERM.

    Raises:
        RuntimeError: A process was killed; other machines do not come, or end.
        ValueError: There are fewer GPUs than processes; machines are numbered
            wrongly, or other machines are started with other numbers.
    """
    from torch.cuda import device_count
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher import LaunchConfig, elastic_launch

    from .rendezvous import BACKEND, Machines

    if not 0 <= processes.node_rank < processes.nnodes:
        raise ValueError(
            f'--node-rank {processes.node_rank} is none of the {processes.nnodes} '
            'machines of --nnodes, whose first is 0.'
        )
    gpus = device_count()
    if gpu_each and 0 < gpus < processes.nproc:
        raise ValueError(
            f'--nproc {processes.nproc} needs a GPU for each process, and this machine '
            f'has {gpus}: use --nproc {gpus}, or the CPU with CUDA_VISIBLE_DEVICES=-1.'
        )
    # By default every process would use as many threads as there are cores.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else None
    threads = max(1, (cores or os.cpu_count() or 1) // processes.nproc)
    os.environ.setdefault('OMP_NUM_THREADS', str(threads))
    os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
    os.environ.setdefault('TORCH_ELASTIC_SHUTDOWN_TIMEOUT', str(PATIENCE))
    if processes.max_restarts:
        os.environ.setdefault(SINCE, str(time.time()))
    os.environ[STARTED_BY] = str(os.getpid())
    for name in logging.root.manager.loggerDict:
        if name.startswith('torch.distributed.'):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    words = this_command()
    machines = Machines(processes)
    config = LaunchConfig(
        min_nodes=processes.nnodes,
        max_nodes=processes.nnodes,
        nproc_per_node=processes.nproc,
        max_restarts=processes.max_restarts,
        run_id=BACKEND,
        rdzv_backend=BACKEND,
        rdzv_configs=dict(machines=machines),
    )
    try:
        with machines:
            elastic_launch(config, words[0])(*words[1:])
    except SignalException as error:
        return 128 + error.sigval
    except ChildFailedError as error:
        return _status({r: f.exitcode for r, f in error.failures.items()})
    return 0


def _status(codes: dict[int, int]) -> int:
    """Return the status of a run from those of its processes that failed.

    Raises:
        RuntimeError: A signal ended one.
    """
    # torchrun ends the others by SIGTERM once one has failed.
    for rank, code in codes.items():
        if code < 0 and -code != signal.SIGTERM:
            name = signal.Signals(-code).name
            raise RuntimeError(
                f'Process {rank} was ended by signal {-code} ({name}), and the others '
                'after it.'
                + (' The system does so when memory runs out.' if name == KILL else '')
            )
    return next((code for code in codes.values() if code > 0), 128 + signal.SIGTERM)
