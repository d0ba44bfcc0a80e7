"""Workers of a loader that schedulers cannot take from its process."""

import os
import signal
import threading
from collections.abc import Callable


def begin_worker(init: Callable | None, worker_id: int) -> None:
    """Begin a worker that SIGTERM ends only if its parent sends it.

    Schedulers that want a job's room back send SIGTERM to all its processes.
    The one that trains saves a checkpoint first
    (:class:`mmsemi.engine.PreemptionHook`), for which it has a step to
    finish and, in that, batches to come.  That loaders end their workers by
    the same signal tells the two apart: by who sends it.  A worker whose
    parent is gone ends by itself (PyTorch looks for that every few seconds).

    On macOS and Windows, which do not tell the sender, nothing changes.

    Args:
        init (callable, optional): What else begins it, given ``worker_id``.
        worker_id (int): As PyTorch counts them.
    """
    if hasattr(signal, 'sigwaitinfo'):
        # Blocked here, and so in every thread to come, the signal is left to
        # the one that waits for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_heed, args=(os.getppid(),), daemon=True).start()
    if init is not None:
        init(worker_id)


def _heed(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)  # as PyTorch's own workers do
