"""Processes that SLURM starts."""

import os

import pytest

from mmsemi.utils.slurm import number_processes


def test_numbers(tmp_path, monkeypatch):
    """As torchrun numbers processes; each job has its own port."""
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text(
        '#!/bin/sh\necho "$@" | grep -q "hostnames n.7-8." && echo n7\n'
    )
    scontrol.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    given = dict(PROCID=5, LOCALID=1, NTASKS=8, NODELIST='n[7-8]', JOB_ID=15002)
    for name, value in given.items():
        monkeypatch.setenv(f'SLURM_{name}', str(value))
    for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    number_processes()

    assert [os.environ[n] for n in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE')] == list('518')
    assert os.environ['MASTER_ADDR'] == 'n7' and os.environ['MASTER_PORT'] == '15002'


def test_without_slurm(monkeypatch):
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    with pytest.raises(ValueError, match='SLURM has not started this process'):
        number_processes()
