"""Cells as jobs of submitit: its executor on this machine stands for SLURM."""

import threading
import time
from dataclasses import replace

import pytest

from mmsemi.apis.sweep import SlurmPlaces, read_sweep, run_sweep
from mmsemi.apis.sweep.slurm import CellJob
from tests.helpers.tools import TINY

SWEEP = """
methods = dict(Tiny={config!r})
cfg_options = {{'data_root': {data!r}, 'train_cfg': dict(max_epochs=3, val_interval=3)}}
"""


@pytest.fixture
def sweep(tmp_path, tiny_data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    (tmp_path / 'tiny.py').write_text(
        f'_base_ = {str(TINY)!r}\nvisualizer = dict(vis_backends=[])\n'
    )
    text = SWEEP.format(config='tiny.py', data=str(tiny_data))
    (tmp_path / 'sweep.py').write_text(text)
    return read_sweep('sweep.py')


def test_preempted_job_is_queued_again_and_resumes(sweep, tmp_path):
    """As submitit does it: a signal, the checkpoint, the job once more."""
    (cell,) = sweep.cells
    job = CellJob(cell, {})
    thread = threading.Thread(target=job)
    thread.start()
    while not (cell.folder / 'epoch_1.pth').exists():
        assert thread.is_alive(), cell.last_line()
        time.sleep(0.02)
    again = job.checkpoint()
    thread.join()
    assert isinstance(again.function, CellJob) and again.function.cell == cell
    assert (cell.folder / 'interrupted.pth').exists()

    places = SlurmPlaces('jobs', ['cluster=local', 'timeout_min=5'], threads=1)
    done = run_sweep('sweep.py', places=places)
    assert [row.method for row in done.rows] == ['Tiny']
    first, second = sorted(cell.folder.glob('*/*.log'))
    assert 'interrupted.pth' in second.read_text()
    assert list((tmp_path / 'jobs').glob('*_result.pkl'))


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        (['partition'], 'not of the form'),
        (['partition=gpu'], 'time limit'),
        (['cluster=local', 'timeout_min=5', 'partion=gpu'], 'partion'),
        (['timeout_min=5', 'partition=gpu'], 'srun'),
    ],
)
def test_errors(tmp_path, parameters, message, monkeypatch):
    monkeypatch.setattr('shutil.which', lambda name: None)
    with pytest.raises(ValueError, match=message):
        SlurmPlaces(tmp_path, parameters)


def test_sbatch_options(tmp_path, monkeypatch):
    """What submitit would ask SLURM for."""
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}')
    asked = 'partition=gpu timeout_min=600 gpus_per_node=1 cpus_per_task=8'.split()
    places = SlurmPlaces(tmp_path, asked, jobs=3)
    given = places._executor._executor.parameters
    assert given['partition'] == 'gpu' and given['time'] == 600
    assert given['gpus_per_node'] == 1 and given['cpus_per_task'] == 8
    assert places._env == {'OMP_NUM_THREADS': '8'} and len(places.free) == 3


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins for SLURM's programs."""
    monkeypatch.setenv('PATH', f'{tmp_path / "bin"}:/usr/bin:/bin')
    (tmp_path / 'bin').mkdir()

    def write(**texts):
        for name, text in texts.items():
            file = tmp_path / 'bin' / name
            file.write_text(f'#!/bin/sh\n{text}\n')
            file.chmod(0o755)

    write(srun='', sacct='exit 1', scancel='')
    return write


def test_cells_that_begin_together_are_one_job_array(sweep, programs, tmp_path):
    (cell,) = sweep.cells
    cells = [replace(cell, name=f'Tiny/seed{i}', seed=i) for i in range(2)]
    programs(sbatch=f'cp $1 {tmp_path}/job.sh; echo Submitted batch job 12')
    places = SlurmPlaces(tmp_path / 'jobs', ['partition=gpu', 'timeout_min=5'])
    with places.together():
        runs = [places.begin(each) for each in cells]
    assert [run.job.job_id for run in runs] == ['12_0', '12_1']
    asked = (tmp_path / 'job.sh').read_text()
    assert '--array=0-1' in asked and '--job-name=sweep' in asked
    with places.together():
        places.begin(cell)
    asked = (tmp_path / 'job.sh').read_text()
    assert '--array' not in asked and '--job-name=Tiny.seed0' in asked
    with places.together():  # none is ready
        pass

    programs(squeue='[ "$3" = --jobs=12_0 ] && echo RUNNING')
    for run in runs:
        run._asked = -1000
    assert [run._has_left() for run in runs] == [False, False]
    programs(squeue='[ "$3" = --jobs=12_0 ] && echo RUNNING; exit 0')
    for run in runs:
        run._asked = -1000
    assert [run._has_left() for run in runs] == [False, True]


def test_what_sbatch_refuses(sweep, programs, tmp_path):
    programs(sbatch='echo "sbatch: error: invalid partition specified: no" >&2; exit 1')
    places = SlurmPlaces(tmp_path / 'jobs', ['partition=no', 'timeout_min=5'])
    with (
        pytest.raises(ValueError, match='partition=no .*: invalid partition .*: no$'),
        places.together(),
    ):
        run = places.begin(sweep.cells[0])
    run.stop()
    assert run.poll() == 143
