"""Give a command the options of torchrun, and run it in several processes."""

import functools
import inspect
import os
import signal
from collections.abc import Callable
from typing import Annotated, Any

import typer

from mmsemi.utils.launching import is_started, start
from mmsemi.utils.processes import Processes

KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD
PANEL = 'Several processes'
OPTIONS = dict(
    nproc=Annotated[
        int,
        typer.Option(
            '--nproc',
            '--nproc-per-node',
            help='processes on this machine, one for each GPU, or sharing the cores',
            min=1,
            rich_help_panel=PANEL,
        ),
    ],
    nnodes=Annotated[
        int,
        typer.Option(
            help='machines; start the command on each', min=1, rich_help_panel=PANEL
        ),
    ],
    node_rank=Annotated[
        int, typer.Option(help='number of this machine, from 0', rich_help_panel=PANEL)
    ],
    master_addr=Annotated[
        str, typer.Option(help='address of machine 0', rich_help_panel=PANEL)
    ],
    master_port=Annotated[
        int | None,
        typer.Option(
            help='port of machine 0 (default: any, or 29500 for several machines)',
            rich_help_panel=PANEL,
        ),
    ],
    max_restarts=Annotated[
        int,
        typer.Option(
            help='how often to start all processes again after one has failed; a '
            'training resumes from its newest checkpoint',
            min=0,
            rich_help_panel=PANEL,
        ),
    ],
    join_timeout=Annotated[
        int,
        typer.Option(
            help='seconds that machines wait for one another',
            min=1,
            rich_help_panel=PANEL,
        ),
    ],
)
TERMINATED = 128 + signal.SIGTERM


def several_processes(gpu_each: bool = True) -> Callable[[Callable], Callable]:
    """Give a command torchrun's options, with which it runs in several processes.

    The command needs a parameter ``launcher``, which is ``pytorch`` in each of them.

    Args:
        gpu_each (bool): Whether each process needs a GPU of its own, if there are
            any.  Defaults to True.
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def run(**arguments: Any) -> int | None:
            processes = Processes(**{n: arguments.pop(n) for n in OPTIONS})
            if is_started():
                arguments['launcher'] = 'pytorch'
                return _run_as_one_of_several(function, arguments)
            if processes.several:
                if arguments['launcher'] != 'none':
                    raise typer.BadParameter(
                        f'--nproc starts the processes, and --launcher '
                        f'{arguments["launcher"]} expects that something else has: '
                        'leave one of them out'
                    )
                return start(processes, gpu_each)
            return function(**arguments)

        signature = inspect.signature(function)
        options = [
            inspect.Parameter(name, KEYWORD, default=default, annotation=annotation)
            for (name, annotation), default in zip(
                OPTIONS.items(), Processes(), strict=True
            )
        ]
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*signature.parameters.values(), *options]
        )
        run.__annotations__ = {**function.__annotations__, **OPTIONS}
        return run

    return decorate


def _run_as_one_of_several(function: Callable, arguments: dict) -> int | None:
    """Run a command in a process that another one has started, on SIGTERM to the end.

    A run that a signal to any process ends must not be started again: the process
    that started this one gets the signal, too.
    """
    try:
        return function(**arguments)
    except SystemExit as end:
        if end.code == TERMINATED:
            os.kill(os.getppid(), signal.SIGTERM)
        raise
