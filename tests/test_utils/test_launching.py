"""Start a command in several processes."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from mmsemi.commands.main import app
from mmsemi.commands.shared import run_app
from mmsemi.utils.invocation import command, this_command
from mmsemi.utils.launching import STARTED_BY, _status, start
from mmsemi.utils.processes import Processes
from tests.helpers.tools import ROOT, TINY


def test_sigterm_reaches_every_process(tiny_data, tmp_path):
    """As with one process: a checkpoint, and status 143; nothing of torchrun's."""
    options = ('train_cfg.max_epochs=10000', 'default_hooks.logger.interval=1')
    log = tmp_path / 'log.txt'
    with log.open('w') as file:
        run = subprocess.Popen(
            [
                *(sys.executable, '-m', 'mmsemi', 'train', str(TINY), '--nproc', '2'),
                *('--work-dir', str(tmp_path), '--cfg-options', *options),
                *(f'data_root={tiny_data}', 'train_cfg.val_interval=10000'),
            ],
            cwd=ROOT,
            env=dict(os.environ, CUDA_VISIBLE_DEVICES='-1', PYTHONPATH=str(ROOT)),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            scalars = (tmp_path, '*/vis_data/scalars.json')
            until = time.monotonic() + 200
            while not list(scalars[0].glob(scalars[1])) and run.poll() is None:
                assert time.monotonic() < until, log.read_text()[-3000:]
                time.sleep(0.1)
            run.send_signal(signal.SIGTERM)
            assert run.wait(200) == 143, log.read_text()[-3000:]
        finally:
            run.kill()
    printed = log.read_text()
    assert 'Traceback' not in printed and 'elastic' not in printed
    assert printed.count('SIGTERM: saved') == 1
    state = torch.load(tmp_path / 'interrupted.pth', weights_only=False)
    assert state['meta']['iter'] > 0


@pytest.mark.parametrize(
    'codes, status', [({0: 3}, 3), ({0: -15, 1: 1}, 1), ({0: 143, 1: -15}, 143)]
)
def test_status_is_that_of_the_process_that_failed(codes, status):
    assert _status(codes) == status


def test_a_killed_process_is_named():
    with pytest.raises(RuntimeError, match=r'Process 1 .*SIGKILL.*memory'):
        _status({0: 1, 1: -9, 2: -15})


@pytest.mark.parametrize(
    'options, message',
    [
        (['--nproc', '2', '--launcher', 'slurm'], 'leave one of them out'),
        (['--nproc', '0'], '--nproc'),
        (['--nproc', 'many'], '--nproc'),
    ],
)
def test_wrong_numbers(options, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['mmsemi', 'train', 'my.py', *options])
    with pytest.raises(SystemExit, match='2'):
        run_app(app, 'mmsemi')
    assert message in capsys.readouterr().err


def test_machines_and_gpus(monkeypatch):
    with pytest.raises(ValueError, match='--node-rank 2 .* 2 machines'):
        start(Processes(nnodes=2, node_rank=2))
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    with pytest.raises(ValueError, match='--nproc 3 .* has 2: use --nproc 2'):
        start(Processes(nproc=3))
    assert STARTED_BY not in os.environ


@pytest.mark.parametrize(
    'script, check, ls, again',
    [
        ('mmsemi', 'mmsemi check', 'mmsemi ls', ['-m', 'mmsemi', 'x']),
        (
            str(ROOT / 'tools/train.py'),
            r'python .*tools/data/check_dataset\.py',
            'python -m mmsemi ls',
            [str(ROOT / 'tools/train.py'), 'x'],
        ),
    ],
)
def test_commands_are_named_as_they_were_typed(script, check, ls, again, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [script, 'x'])
    assert re.fullmatch(check, command('check'))
    assert command('ls') == ls
    assert this_command() == [sys.executable, *again]
