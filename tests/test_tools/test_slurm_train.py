"""``tools/slurm_train.sh`` with stand-ins for SLURM's programs."""

import os
import re
import shutil
import subprocess

import pytest

from tests.helpers.tools import ROOT

PROGRAMS = dict(
    srun='echo srun "$@"; [ "$STEPS" ] && echo 1 > "$MMSEMI_ADVANCED"\n'
    'exit ${STATUS:-0}',
    sbatch='echo sbatch "$@" since=$MMSEMI_SINCE; cat > "$JOB"',
    scontrol='echo scontrol "$@"',
)


@pytest.fixture
def slurm(tmp_path):
    """Run a command where SLURM's programs print their arguments."""
    (tmp_path / 'bin').mkdir()  # what there is without SLURM
    for name in (
        'bash',
        'cat',
        'date',
        'dirname',
        'env',
        'mktemp',
        'rm',
        'sh',
        'uname',
    ):
        (tmp_path / 'bin' / name).symlink_to(shutil.which(name))
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(f'#!/bin/sh\n{text}\n')
        (tmp_path / name).chmod(0o755)

    def run(*command, path=f'{tmp_path}:', **env):
        return subprocess.run(
            command,
            env=dict(
                PATH=f'{path}{tmp_path}/bin',
                HOME=os.environ.get('HOME', '/'),
                JOB=str(tmp_path / 'job.sh'),
                **env,
            ),
            capture_output=True,
            text=True,
        )

    run.job = tmp_path / 'job.sh'
    return run


TRAIN = str(ROOT / 'tools/slurm_train.sh')


def test_in_the_foreground(slurm):
    done = slurm(TRAIN, 'gpu', 'name', 'my.py', '--amp', GPUS='8', SRUN_ARGS='--mem 4G')
    assert done.stdout.startswith('srun --partition gpu --job-name name --gres gpu:4')
    assert '--ntasks 8 --ntasks-per-node 4' in done.stdout and '--mem 4G' in done.stdout
    assert done.stdout.endswith('train.py my.py --launcher slurm --amp\n')


@pytest.mark.parametrize(
    'status, steps, said',
    [
        (143, '1', r'saved its state.*\nscontrol requeue 7\n$'),
        (143, '', 'before its first step.*not queued again: .* --time'),
        (0, '1', r'a="b c"\n$'),
        (1, '1', r'a="b c"\n$'),
    ],
)
def test_a_job_that_has_saved_is_queued_again(slurm, status, steps, said):
    words = ('gpu', 'name', 'my.py', '--requeue', '--cfg-options', 'a="b c"')
    done = slurm(TRAIN, *words, GRES='')
    assert done.stdout.startswith('sbatch --partition gpu --job-name name --ntasks 4')
    assert '--requeue' in done.stdout and '--signal=TERM@120' in done.stdout
    assert '--gres' not in done.stdout and not done.stdout.endswith('since=\n')
    env = dict(
        STATUS=str(status), STEPS=steps, SLURM_JOB_ID='7', SLURM_CPUS_PER_TASK='5'
    )
    job = slurm('bash', str(slurm.job), **env)
    assert job.returncode == status, job.stderr
    assert 'my.py --launcher slurm --cfg-options a="b c"\n' in job.stdout
    assert re.search(said, job.stdout)


@pytest.mark.parametrize(
    'words, env, message',
    [
        (('gpu', 'name'), {}, 'usage:'),
        (('gpu', 'name', '--amp', 'my.py'), {}, 'usage:'),
        (('gpu', 'name', 'my.py'), dict(GPUS='6'), 'GPUS=6 .* GPUS_PER_NODE=4'),
        (('gpu', 'name', 'my.py'), dict(GPUS='two'), 'GPUS=two is not a number'),
        (('gpu', 'name', 'my.py', '--requeue'), dict(path=''), 'There is no srun'),
    ],
)
def test_errors(slurm, words, env, message):

    done = slurm(TRAIN, *words, **env)
    assert done.returncode and re.search(message, done.stderr), done.stderr
