"""Train the cells of a sweep as jobs of SLURM, through submitit."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

from mmsemi.utils.extras import import_extra

from .cells import LOG, Cell
from .places import ELSEWHERE, start

PREEMPTED = 143  # of a training that has saved a checkpoint after SIGTERM
GRACE = 120  # seconds that SLURM may take to end a job, or to queue it again
ASK = 30  # seconds between two questions to SLURM about a job
# A limit of submitit for jobs that reach their time limit, which saves each time.
TIME_LIMITS = 100
# submitit's names for every kind of cluster; SLURM's own have a prefix there.
COMMON = ('timeout_min', 'mem_gb', 'cpus_per_task', 'gpus_per_node')


class CellJob:
    """Train a cell within a job.

    submitit calls :meth:`checkpoint` when the job has to end, be it for its time
    limit or for another job, and then queues what it returns: the cell resumes.

    Args:
        cell (Cell): What to train.
        env (dict[str, str]): Added to the environment.
    """

    process: Popen | None = None

    def __init__(self, cell: Cell, env: dict[str, str]) -> None:
        self.cell, self.env = cell, env

    def __call__(self) -> int:
        """Train; return the exit status."""
        self.process = start(self.cell, self.env)
        if self.process is None:
            return ELSEWHERE
        try:
            while (status := self.process.poll()) is None:
                time.sleep(0.2)  # and not wait(), whose lock checkpoint() would need
        except BaseException:  # the job is canceled
            self.process.terminate()
            raise
        if status == PREEMPTED and os.environ.get('SLURM_JOB_ID'):
            time.sleep(GRACE)  # all processes of the job got the signal
        return status

    def checkpoint(self) -> Any:
        """Let the training save a checkpoint and end; return what to queue."""
        from submitit.helpers import DelayedSubmission

        if self.process:
            self.process.terminate()
            with suppress(ChildProcessError):
                os.waitpid(self.process.pid, 0)
        return DelayedSubmission(CellJob(self.cell, self.env))


class SlurmRun:
    """A cell that is a job of the cluster.

    Args:
        cell (Cell): The cell.

    Attributes:
        job (submitit.Job, optional): Its job, None until it is submitted.
        canceled (bool): Whether it was stopped.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.job: Any = None
        self.canceled = False
        self._asked = time.monotonic()

    def poll(self) -> int | None:
        """Return the exit status, None while it waits or trains."""
        if self.job is None:
            return PREEMPTED
        if not self.job.done(force_check=self.canceled) and not self._has_left():
            return None
        if self.canceled:  # its training may outlive it while it saves
            with self.cell.locked() as lock:
                return None if lock is None else PREEMPTED
        try:
            return self.job.result()
        except Exception as error:  # submitit's, of jobs that left no result
            with (self.cell.folder / LOG).open('a') as log:
                log.write(f'{error}\n')
            return 1

    def stop(self) -> None:
        """Cancel the job; its training saves a checkpoint."""
        self.canceled = True
        if self.job:
            self.job.cancel(check=False)

    def _has_left(self) -> bool:
        """Tell whether the job has left SLURM's queue without a result.

        submitit asks the accounting for that, which not every cluster has.
        """
        from submitit import SlurmJob

        local = not isinstance(self.job, SlurmJob)
        if local or time.monotonic() - self._asked < ASK:
            return False
        self._asked = time.monotonic()
        asked = subprocess.run(
            ['squeue', '--noheader', '--format=%T', f'--jobs={self.job.job_id}'],
            capture_output=True,
            text=True,
        )
        unknown = 'Invalid job id' in asked.stderr
        return unknown or not (asked.returncode or asked.stdout.strip())

    kill = stop


class SlurmPlaces:
    """Train cells as jobs of a cluster.

    Args:
        folder (str or Path): Folder of submitit's files, which the jobs see, too.
        parameters (Sequence[str]): As ``NAME=VALUE``: ``timeout_min``, ``mem_gb``,
            ``cpus_per_task``, ``gpus_per_node``, and the options of ``sbatch``
            as submitit names them (``partition``, ``account``, ``qos``,
            ``constraint``, ``signal_delay_s``, ...).  ``cluster=local`` has the
            jobs on this machine, to try it out.
        jobs (int, optional): How many jobs at once.  Defaults to None: as many
            as there are cells.
        threads (int, optional): CPU threads of each.  Defaults to
            ``cpus_per_task``, if given.

    Raises:
        ImportError: submitit is not installed.
        ValueError: A parameter is missing or unknown, or there is no SLURM.
    """

    def __init__(
        self,
        folder: str | Path,
        parameters: Sequence[str],
        jobs: int | None = None,
        threads: int | None = None,
    ) -> None:
        submitit = import_extra('submitit', 'A job of SLURM')
        given = dict(_parse(parameter) for parameter in parameters)
        cluster = given.pop('cluster', 'slurm')
        if 'timeout_min' not in given:
            raise ValueError(
                '--slurm lacks the time limit of a job, in minutes: timeout_min=600.'
            )
        threads = threads or given.get('cpus_per_task')
        self._env = {'OMP_NUM_THREADS': str(threads)} if threads else {}
        named = {
            name if name in COMMON else f'slurm_{name}': value
            for name, value in given.items()
        }
        try:
            self._executor = submitit.AutoExecutor(
                folder, cluster=cluster, slurm_max_num_timeout=TIME_LIMITS
            )
            self._executor.update_parameters(**named)
        except Exception as error:  # submitit's, of several kinds
            raise ValueError(f'--slurm {" ".join(parameters)}: {error}') from error
        self._refused = submitit.core.utils.FailedJobError
        self._asked = ' '.join(parameters)
        self._begun: list[SlurmRun] = []
        self.count = jobs or 10**6
        self.free = [''] * self.count
        self.poll = 5.0 if cluster == 'slurm' else 0.2

    @contextmanager
    def together(self) -> Iterator[None]:
        """Submit the cells that are begun meanwhile, as one job array if several.

        Raises:
            ValueError: SLURM refuses them.
        """
        self._begun.clear()
        yield
        runs = [run for run in self._begun if not run.canceled]
        if not runs:
            return
        first = runs[0].cell
        name = first.name.replace('/', '.')
        if len(runs) > 1:  # the sweep's
            name = first.folder.parents[first.name.count('/')].name
        self._executor.update_parameters(name=name)
        jobs = []
        try:
            with self._executor.batch():
                for run in runs:
                    jobs.append(self._executor.submit(CellJob(run.cell, self._env)))
        except self._refused as error:
            raise ValueError(f'--slurm {self._asked}: {_reason(error)}') from error
        for run, job in zip(runs, jobs, strict=True):
            run.job = job

    def begin(self, cell: Cell) -> SlurmRun:
        """Begin a cell, which :meth:`together` submits.

        Raises:
            FileNotFoundError: The cell that it starts from has no checkpoint.
        """
        cell.command()
        run = SlurmRun(cell)
        self._begun.append(run)
        self.free.pop()
        return run

    def end(self, run: SlurmRun) -> None:
        """Free the place of a run that has ended."""
        self.free.append('')


def _reason(error: Exception) -> str:
    """Return what sbatch said, of submitit's report of a failed command."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line.startswith('sbatch: error: ')]
    return '; '.join(line.removeprefix('sbatch: error: ') for line in said) or lines[-1]


def _parse(parameter: str) -> tuple[str, int | str]:
    name, is_one, value = parameter.partition('=')
    if not is_one or not name:
        raise ValueError(
            f'--slurm {parameter} is not of the form NAME=VALUE, as in partition=gpu.'
        )
    return name, int(value) if value.isdecimal() else value
