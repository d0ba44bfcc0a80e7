"""Compare methods: train each on every split, with every seed and all options.

For example,

    mmsemi sweep results/scenes.py
    mmsemi sweep results/scenes.py --jobs 2 --threads 1
    mmsemi sweep results/scenes.py --gpus 0,1
    mmsemi sweep results/scenes.py --slurm partition=gpu timeout_min=600 gpus_per_node=1
    mmsemi sweep results/scenes.py --dry-run
    mmsemi sweep results/scenes.py --table latex

A finished cell is never trained again, an interrupted one resumes, and one that
fails is named while the others go on.  docs/sweeps.md says what the file holds.
"""

from pathlib import Path
from typing import Annotated

import typer

from .shared import Traceback


def sweep(
    file: Annotated[
        Path, typer.Argument(help='file of the sweep, *.py', show_default=False)
    ],
    work_dir: Annotated[
        Path | None,
        typer.Option(help="folder of the cells; defaults to the file's own"),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help='number of cells to train at once')
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            help='CPU threads of each cell; defaults to its share of the cores'
        ),
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option(metavar='0,1,...', help='GPUs; each trains one cell at a time'),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME=VALUE ...',
            help='train each cell in a job of SLURM: timeout_min, gpus_per_node, '
            'cpus_per_task, mem_gb, and options of sbatch as partition',
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar='CELL ...',
            help='train these cells alone, and what they start from; * stands for '
            'anything',
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            '--keep', help='keep what was trained with other settings than now'
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option('--dry-run', help='print the command of each cell, train none'),
    ] = False,
    table: Annotated[
        str | None,
        typer.Option(
            metavar='[FORMAT]',
            help='print the tables of what is finished as `markdown`, `csv` or '
            '`latex`, train nothing; FILE may be a table of results, too',
        ),
    ] = None,
    against: Annotated[
        str, typer.Option(help='with --table: method to compare the others with')
    ] = '',
    traceback: Traceback = False,
) -> int:
    """Train the cells of a sweep that are not finished."""
    from mmsemi.apis.sweep import LocalPlaces, SlurmPlaces, run_sweep
    from mmsemi.apis.sweep.listing import FORMATS, list_cells, list_tables
    from mmsemi.apis.sweep.places import parse_gpus

    if table is not None:
        form = 'markdown' if table == 'auto' else table
        if form not in FORMATS:
            raise typer.BadParameter(
                f'{table} is none of {", ".join(FORMATS)}', param_hint='--table'
            )
        list_tables(file, work_dir, form, against)
        return 0
    if against:
        raise typer.BadParameter('needs --table', param_hint='--against')
    if dry_run:
        list_cells(file, work_dir, only or [])
        return 0
    if slurm and gpus:
        raise typer.BadParameter(
            'the jobs of --slurm have GPUs by gpus_per_node=1', param_hint='--gpus'
        )
    if slurm:
        places = SlurmPlaces('work_dirs/sweep/jobs', slurm, jobs, threads)
    else:
        places = LocalPlaces(jobs, parse_gpus(gpus) if gpus else (), threads)
    try:
        done = run_sweep(file, work_dir, places=places, only=only or [], keep=keep)
    except KeyboardInterrupt:
        return 130
    return 1 if done.failed else 0
