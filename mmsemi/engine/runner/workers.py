"""Keep loader workers alive when a scheduler signals the whole job."""

import os
import signal
import threading
from collections.abc import Callable

from mmsemi.utils.terminal import stop_redirecting


def begin_worker(init: Callable | None, worker_id: int) -> None:
    """Let SIGTERM end this worker only if its parent sent it.

    A scheduler that reclaims a job's resources sends SIGTERM to all processes
    of the job.  The one that trains then finishes its step, for which it still
    needs batches, and saves a checkpoint
    (:class:`mmsemi.engine.PreemptionHook`).  A loader ends its workers with the
    same signal, so a worker tells the two cases apart by the sender.  A worker
    whose parent is gone ends by itself: PyTorch checks that every few seconds.

    macOS and Windows do not tell the sender: there, nothing changes.

    Args:
        init (callable, optional): Another ``worker_init_fn`` to call.
        worker_id (int): Index of the worker, from PyTorch.
    """
    stop_redirecting()
    if hasattr(signal, 'sigwaitinfo'):
        # Blocked in this thread and in all that it starts, the signal reaches
        # only the thread that waits for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_heed, args=(os.getppid(),), daemon=True).start()
    if init is not None:
        init(worker_id)


def _heed(parent: int) -> None:
    """End the process at the first SIGTERM from its parent."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)  # as PyTorch's own workers do
