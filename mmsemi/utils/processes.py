"""How many processes a run has, and where; when it began, if it may begin again."""

import os
from typing import NamedTuple

# Seconds since 1970 when a run began that may be started again.
SINCE = 'MMSEMI_SINCE'
# File that a run fills once it has trained a step.
ADVANCED = 'MMSEMI_ADVANCED'


class Processes(NamedTuple):
    """How many processes, and where; the names are torchrun's.

    Attributes:
        nproc (int): Processes on this machine.
        nnodes (int): Machines.  The command is started on each of them.
        node_rank (int): Number of this machine, from 0.
        master_addr (str): Address of machine 0.
        master_port (int, optional): A free port of machine 0.  None for any, on
            one machine, or torchrun's 29500.
        max_restarts (int): How often all processes are started again after one
            has failed.
        join_timeout (int): Seconds that machines wait for one another.
    """

    nproc: int = 1
    nnodes: int = 1
    node_rank: int = 0
    master_addr: str = '127.0.0.1'
    master_port: int | None = None
    max_restarts: int = 0
    join_timeout: int = 600

    @property
    def several(self) -> bool:
        """Tell whether there is more than one process, or more to start."""
        return self.nproc > 1 or self.nnodes > 1 or self.max_restarts > 0


def begun() -> float | None:
    """Return when this run began, None unless something may start it again.

    That is ``--max-restarts``, or a job of SLURM that is queued again.  Checkpoints
    of the work dir that are newer are those of this run, to resume from.
    """
    since = os.environ.get(SINCE)
    return float(since) if since else None
