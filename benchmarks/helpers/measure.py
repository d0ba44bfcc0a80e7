"""Measure time and memory of calls; options and reports of all benchmarks."""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from mmsemi.utils.files import write_whole


def make_parser(description: str, repeats: int | None = None):
    """Make a parser with the options ``--out``, and ``--repeats`` if given."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if repeats is not None:
        parser.add_argument('--repeats', type=int, default=repeats, help='2 or more')
    parser.add_argument('--out', help='JSON file to write')
    return parser


def clock() -> float:
    """Return seconds since some moment, once a GPU has done all its work.

    Without a GPU and with one thread (``OMP_NUM_THREADS=1``), it is processor
    time, on which other processes have little influence; otherwise wall time.
    """
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def seconds(run: Callable[[], object]) -> float:
    """Time a call with :func:`clock`."""
    start = clock()
    run()
    return clock() - start


def take_turns(
    runs: dict[str, Callable[[], object]], repeats: int
) -> dict[str, list[float]]:
    """Time several calls in turn, after one call of each to warm up.

    Returns:
        dict[str, list[float]]: Seconds of each call, ``repeats`` of them.
    """
    for run in runs.values():
        run()
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            spent[name].append(seconds(run))
    return spent


def peak_memory(run: Callable[[], object], device: str = 'cpu') -> int:
    """Measure the bytes of tensors that a call holds at its peak.

    Tensors that exist before the call do not count.  On a GPU this is
    PyTorch's own figure, on the CPU the sum of its allocator's events, which
    the profiler records.

    Args:
        run (Callable): The call.
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
    # One event per block; the bytes of freed blocks are negative.
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
    """Write results and how they were measured to ``args.out``, if given."""
    if not args.out:
        return
    environment = dict(
        torch=torch.__version__, threads=torch.get_num_threads(), **vars(args)
    )
    report = dict(environment=environment, **result)
    write_whole(args.out, json.dumps(report, indent=2, default=str).encode())
