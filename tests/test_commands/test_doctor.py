"""What would keep a training from running, by the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer

import mmsemi
from mmsemi.commands.doctor import doctor
from mmsemi.diagnosis import diagnose, machine
from mmsemi.diagnosis.devices import usable_cores
from mmsemi.utils.stack import check_stack
from tests.helpers.tools import TINY

ROOT = Path(mmsemi.__file__).parents[1]
STACK = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'onedl', '__editable__')


@pytest.fixture(scope='module')
def without_stack(tmp_path_factory):
    """A folder with the installed packages, except the OpenMMLab stack."""
    folder = tmp_path_factory.mktemp('packages')
    for entry in Path(typer.__file__).parents[1].iterdir():
        if not entry.name.startswith(STACK):
            (folder / entry.name).symlink_to(entry)
    return folder


def run(folder, packages, *args):
    """Run the command in a folder, with the packages of another alone."""
    return subprocess.run(
        [sys.executable, '-S', '-m', 'mmsemi', *args],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=f'{ROOT}{os.pathsep}{packages}'),
        capture_output=True,
        text=True,
    )


def found(**kwargs):
    return {finding.name: finding for finding in diagnose(**kwargs)}


def test_without_the_stack_it_says_so(without_stack, tmp_path):
    done = run(tmp_path, without_stack, 'doctor')
    assert done.returncode == 1 and not done.stderr
    assert 'error   OpenMMLab and PyTorch: mmsemi needs mmengine' in done.stdout
    assert '-> pip install "onedl-mmengine>=' in done.stdout
    assert 'ok      shared memory' in done.stdout, 'the rest is looked at, too'
    assert done.stdout.splitlines()[-1].startswith('A training cannot start: 1 error')


def test_wheels_of_the_other_family(without_stack, tmp_path):
    for name in ('mmengine', 'mmcv', 'mmsegmentation'):
        info = tmp_path / f'{name}-0.10.7.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Name: {name}\nVersion: 0.10.7\n')
    packages = f'{tmp_path}{os.pathsep}{without_stack}'
    done = run(tmp_path, packages, 'doctor', '--json')
    (error,) = [f for f in json.loads(done.stdout) if f['state'] == 'error']
    assert "OpenMMLab's own wheels (mmengine 0.10.7" in error['text']
    assert error['cure'].startswith('pip uninstall -y mmengine mmcv mmsegmentation')
    assert done.returncode == 1


@pytest.mark.parametrize('args', [('ls',), ('train', 'my.py')])
def test_other_commands_say_one_line(args, without_stack, tmp_path):
    done = run(tmp_path, without_stack, *args)
    assert done.returncode == 1
    assert done.stderr.startswith('error: mmsemi needs mmengine')
    assert 'Traceback' not in done.stderr
    assert run(tmp_path, without_stack, '--help').returncode == 0


def test_this_machine(monkeypatch, tmp_path, capsys):
    """A training can start here, and does in other tests."""
    monkeypatch.chdir(tmp_path)
    assert doctor() == 0
    printed = capsys.readouterr().out
    check_stack()
    assert f'ok      torch: {torch.__version__}' in printed
    assert printed.splitlines()[-1].startswith('A training can start')


def test_a_config_names_what_it_lacks(monkeypatch, tmp_path, tiny_data, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MMSEMI_DATA', 'nowhere')
    assert doctor('rankmatch/pascal_1-16') == 1
    lines = capsys.readouterr().out.splitlines()
    (lists,) = [i for i, line in enumerate(lines) if line.startswith('error   lists')]
    assert 'nowhere/pascal/splits/92.txt' in lines[lists]
    assert 'mmsemi splits pascal' in lines[lists + 1]
    assert any('error   weights: there is no pretrained/resnet101' in x for x in lines)
    assert lines[-1] == 'A training cannot start: 2 errors, 1 warning.'
    assert doctor(str(TINY), cfg_options=[f'data_root={tiny_data}']) == 0
    assert 'error' not in capsys.readouterr().out
    assert doctor('rankmatch/pascl_1-16') == 1
    assert 'did you mean rankmatch/pascal_1-16' in capsys.readouterr().out


def test_a_full_or_forbidden_disk(monkeypatch, tmp_path):
    usage = type('Usage', (), dict(total=2**40, free=2**20))()
    monkeypatch.setattr('shutil.disk_usage', lambda folder: usage)
    here = next(machine.folders('here', tmp_path / 'new/folder', 'go elsewhere'))
    assert here.state == 'error' and '0.0 GiB free' in here.text
    (tmp_path / 'file').write_text('')
    file = next(machine.folders('here', tmp_path / 'file', 'go elsewhere'))
    assert file.state == 'error' and 'is a file' in file.text
    shm = next(machine._shared_memory())
    assert shm.state == 'warning' and '--shm-size' in shm.cure


def test_a_container_has_its_own_limits(monkeypatch, tmp_path):
    for name, text in dict(LIMIT='3000000000', USED='1000000000').items():
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(machine, name, tmp_path / name)
    free, total = machine.memory()
    assert total == 3000000000 and free <= 2000000000
    assert next(machine._memory()).state == 'warning'
    (tmp_path / 'quota').write_text('50000 100000\n')
    monkeypatch.setattr('mmsemi.diagnosis.devices.QUOTA', tmp_path / 'quota')
    assert usable_cores() == 0.5


def test_gpus(monkeypatch):
    """A CPU build beside a driver, and a GPU that cannot compute."""
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 0)
    monkeypatch.setattr('torch.version.cuda', None)
    monkeypatch.setattr('shutil.which', lambda name: f'/bin/{name}')
    assert 'built for CPUs only' in found()['GPU'].text
    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    monkeypatch.setattr('torch.cuda.mem_get_info', lambda i: (2**34, 2**34))
    monkeypatch.setattr('torch.cuda.get_device_name', lambda i: 'Some GPU')
    gpu = found()['GPU 0']
    assert gpu.state == 'error' and gpu.text.startswith('cannot compute')


def test_what_cannot_be_imported(monkeypatch):
    """A system library that OpenCV needs, as in a bare container."""
    real = __import__('importlib').import_module

    def broken(name, *args):
        if name == 'cv2':
            raise ImportError('libGL.so.1: cannot open shared object file')
        return real(name, *args)

    monkeypatch.setattr('importlib.import_module', broken)
    finding = found()['opencv-python']
    assert finding.state == 'error' and 'libgl1' in finding.cure
