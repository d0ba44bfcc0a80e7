"""Seconds and bytes that a piece of work takes."""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from mmsemi.utils.files import write_whole


def clock() -> float:
    """Seconds since some moment, all that is queued on a GPU being done.

    Without a GPU and with one thread (``OMP_NUM_THREADS=1``) they are those
    of the processor, on which other processes have little influence; else the
    wall clock's.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def seconds(run: Callable[[], object]) -> float:
    """Time of a call by :func:`clock`."""
    start = clock()
    run()
    return clock() - start


def peak_memory(run: Callable[[], object], device: str = 'cpu') -> int:
    """Bytes of tensors that a call holds at most.

    What was allocated before does not count.  On a GPU it is PyTorch's own
    figure; on the CPU the sum of its allocator's record, which is what the
    profiler keeps.

    Args:
        run (Callable): The work.
        device (str): Where it runs, 'cpu' or 'cuda'.
    """
    if device != 'cpu':
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as prof:
        run()
    # One event for every block, freed ones negative.
    events = [
        event
        for event in prof.profiler.kineto_results.events()
        if event.name() == '[memory]'
    ]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def write_report(args: argparse.Namespace, **result: Any) -> None:
    """Write figures, and what they were measured with, as JSON.

    Args:
        args (Namespace): Of a benchmark; ``args.out`` names the file, or is
            None: then nothing is written.
        **result: Numbers, text, lists and dicts of such.
    """
    if not args.out:
        return
    environment = dict(
        torch=torch.__version__, threads=torch.get_num_threads(), **vars(args)
    )
    report = dict(environment=environment, **result)
    write_whole(args.out, json.dumps(report, indent=2, default=str).encode())
