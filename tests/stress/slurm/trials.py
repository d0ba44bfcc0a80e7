"""Train through a real SLURM, and disturb it as clusters do.

``python -m tests.stress.slurm.trials FOLDER`` needs what
:mod:`tests.stress.slurm.cluster` needs and a new FOLDER; it starts that cluster, makes
the trials, says of each what came out, and stops the cluster.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from mmsemi.apis.sweep import read_sweep
from tests.helpers.tools import ROOT, TINY
from tests.stress.by_command import (
    as_one,
    environment,
    folder_and_choice,
    run_trials,
    steps_done,
    until,
    write_config,
)
from tests.stress.resume_points import differences

from .cluster import Cluster

SLURM = dict(GPUS='2', GPUS_PER_NODE='2', CPUS_PER_TASK='1', GRES='')
SWEEP = """\
methods = dict(Tiny={config!r})
seeds = (0, 1, 2)
cfg_options = {{
    'data_root': {data!r},
    'train_cfg': dict(max_epochs=40, val_interval=40),
    'default_hooks.checkpoint.interval': 1,
}}
work_dir = {work_dir!r}
"""


class Trials:
    """Trials in a folder, on a cluster.

    Args:
        folder (Path): For their work dirs.
        cluster (Cluster): It runs.
    """

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster = folder, cluster
        self.config = write_config(folder)

    def train(self, name: str, *words: str, **env: str) -> subprocess.CompletedProcess:
        """Call ``tools/slurm_train.sh``, with a work dir of this name."""
        command = (ROOT / 'tools/slurm_train.sh', *words, 'main', name, self.config)
        return self.call(*command, '--work-dir', self.folder / name, **env)

    def call(self, *words: object, **env: str) -> subprocess.CompletedProcess:
        """Run a command; what it prints is in FOLDER/output.txt as well."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env={
                **os.environ,
                **environment(),
                **SLURM,
                'PYTHON': sys.executable,
                **env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        with (self.folder / 'output.txt').open('a') as file:
            file.write(f'$ {" ".join(map(str, words))}\n{done.stdout}\n')
        return done

    def begin(self, name: str, step: int = 4, **env: str) -> str:
        """Submit a training, and wait until it is inside; return its job's number."""
        done = self.train(name, '--requeue', **env)
        number = re.search(r'Submitted batch job (\d+)', done.stdout)
        assert number, done.stdout
        until(lambda: steps_done(self.folder / name) >= step, f'{name} trains', 300)
        return number[1]

    def ended(self, name: str, job: str) -> str:
        """Wait for the end of a job that resumes; return what is wrong, or ''."""
        until(lambda: not self.cluster.run('squeue', '-h', '-j', job), name, 1800)
        log = (self.folder / f'{name}-{job}.log').read_text()
        print(*(f'    {line}' for line in told(log)), sep='\n', flush=True)
        if 'interrupted.pth' not in log or 'weights   resumed from' not in log:
            return 'it did not resume from interrupted.pth'
        return ', '.join(differences(self.folder / 'two', self.folder / name))

    # The trials: each returns what is wrong, or ''.

    def two_tasks(self) -> str:
        """Two tasks train as one process does."""
        one = self.call(
            *(sys.executable, '-m', 'mmsemi', 'train', self.config),
            *('--work-dir', self.folder / 'one'),
        )
        two = self.train('two')
        if one.returncode or two.returncode:
            return f'ended with {one.returncode} and {two.returncode}'
        return as_one(self.folder / 'one', self.folder / 'two')

    def requeued(self) -> str:
        """`scontrol requeue` in mid-training: SIGTERM, and the job once more."""
        job = self.begin('requeued')
        self.cluster.run('scontrol', 'requeue', job)
        return self.ended('requeued', job)

    def preempted(self) -> str:
        """A job of a partition of higher priority takes the node."""
        job = self.begin('preempted')
        self.cluster.run('sbatch', '-p', 'urgent', '-n', '2', '--wrap', 'sleep 5')
        return self.ended('preempted', job)

    def limited(self) -> str:
        """The time limit comes in mid-training; `--signal` comes before it."""
        job = self.begin('limited', 1, SRUN_ARGS='--time=2 --signal=TERM@60')
        return self.ended('limited', job)

    def too_short(self) -> str:
        """A time limit that ends before the first step: it is not tried for ever."""
        limit = '--time=1 --signal=TERM@59'
        done = self.train('too_short', '--requeue', SRUN_ARGS=limit)
        job = done.stdout.split()[-1]
        until(lambda: not self.cluster.run('squeue', '-h', '-j', job), 'the end', 300)
        log = (self.folder / f'too_short-{job}.log').read_text().splitlines()
        print(f'    {log[-1]}', flush=True)
        return '' if 'before its first step' in log[-1] else '\n'.join(log)

    def canceled(self) -> str:
        """`scancel` is the end: nothing is queued again."""
        job = self.begin('canceled')
        self.cluster.run('scancel', job)
        until(lambda: not self.cluster.run('squeue', '-h', '-j', job), 'canceled', 300)
        time.sleep(5)
        queued = self.cluster.run('squeue', '-h')
        return queued or (
            '' if (self.folder / 'canceled/interrupted.pth').exists() else 'not saved'
        )

    def sweep(self) -> str:
        """A sweep is one job array; interrupted and requeued cells resume."""
        file = self.folder / 'sweep.py'
        data, work_dir = self.folder / 'data', self.folder / 'sweep'
        file.write_text(
            SWEEP.format(config=str(TINY), data=str(data), work_dir=str(work_dir))
        )
        words = 'partition=main timeout_min=10 cpus_per_task=1'.split()
        command = (sys.executable, '-m', 'mmsemi', 'sweep', file, '--slurm', *words)
        running = subprocess.Popen(
            [str(word) for word in command],
            cwd=self.folder,
            env={**os.environ, **environment()},
            stdout=(self.folder / 'sweep.txt').open('w'),
            stderr=subprocess.STDOUT,
        )
        cells = [work_dir / f'Tiny/seed{i}' for i in range(3)]
        until(lambda: all(any(c.glob('epoch_*')) for c in cells[:2]), 'cells', 300)
        array = self.cluster.run('squeue', '-h', '-r', '-o', '%F %K %T')
        print(*(f'    {line}' for line in array.splitlines()), sep='\n', flush=True)
        job = array.split()[0]
        self.cluster.run('scontrol', 'requeue', f'{job}_0')
        until(lambda: (cells[0] / 'interrupted.pth').exists(), 'requeue', 120)
        running.send_signal(signal.SIGINT)
        status = running.wait(300)
        until(
            lambda: not self.cluster.run('squeue', '-h'), 'the jobs are canceled', 200
        )
        left = [len(list(cell.glob('*.pth'))) for cell in cells]
        again = self.call(*command)
        finished = read_sweep(file).finished
        logs = [(cell / 'cell.log').read_text() for cell in cells[:2]]
        resumed = [log.count('weights   resumed from') for log in logs]
        print(f'    Ctrl-C: status {status}; resumed {resumed}; {len(finished)} cells')
        if array.count(job) != 3 or status != 130 or not all(left[:2]):
            return f'{array}; status {status}; {left}'
        if again.returncode or len(finished) != 3 or not all(resumed):
            return f'status {again.returncode}, {len(finished)} finished, {resumed}'
        return ''

    def refused(self) -> str:
        """What is not there, and what SLURM did not start, is one error."""
        script = ROOT / 'tools/slurm_train.sh'
        command = (script, 'nope', 'name', self.config)
        wrong = [
            (command, 'nvalid partition'),
            ((*command, '--requeue'), 'nvalid partition'),
            (
                (
                    *(sys.executable, '-m', 'mmsemi', 'train', self.config),
                    *('--launcher', 'slurm', '--work-dir', self.folder / 'no'),
                ),
                'SLURM has not started this process',
            ),
        ]
        for words, message in wrong:
            done = self.call(*words)
            if not done.returncode or not re.search(message, done.stdout):
                return done.stdout
            print(*(f'    {line}' for line in done.stdout.splitlines()), sep='\n')
        return ''


def told(log: str) -> list[str]:
    """Pick the lines of a job's log that tell its story."""
    kept = r'SIGTERM: saved|queued again|weights +resumed|^length|^mIoU: best|CANCELLED'
    return [line for line in log.splitlines() if re.search(kept, line)]


def main() -> int:
    folder, only = folder_and_choice(__doc__)
    with Cluster(folder / 'cluster') as cluster:
        print(cluster.run('sinfo', '--version'), cluster.run('sinfo'), sep='\n')
        trials = Trials(folder, cluster)
        every = [
            trials.two_tasks,
            trials.requeued,
            trials.preempted,
            trials.limited,
            trials.too_short,
            trials.canceled,
            trials.sweep,
            trials.refused,
        ]
        return run_trials(every, only)


if __name__ == '__main__':
    sys.exit(main())
