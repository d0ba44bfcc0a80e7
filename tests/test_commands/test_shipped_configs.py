"""List and copy the configs that come with mmsemi, by the command."""

import subprocess
import sys

import pytest
from mmengine.config import Config

from mmsemi.utils.config import resolve_settings
from mmsemi.utils.shipped import CONFIGS, config_names


def mmsemi(folder, *args, ok=True):
    done = subprocess.run(
        [sys.executable, '-m', 'mmsemi', *args],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout if ok else done.stderr


def test_ls(tmp_path):
    names = mmsemi(tmp_path, 'ls').split()
    assert names == config_names() and 'rankmatch/pascal_1-16' in names
    found = mmsemi(tmp_path, 'ls', 'unimatch/*_r50').split()
    assert found and all(
        n.startswith('unimatch/') and n.endswith('_r50') for n in found
    )
    assert 'nowhere' in mmsemi(tmp_path, 'ls', 'nowhere', ok=False)


@pytest.mark.parametrize('how', [(), ('--inherit',)])
def test_cp(tmp_path, how):
    """The copy is the same config, and is not replaced unasked."""
    printed = mmsemi(tmp_path, 'cp', 'unimatch/camvid_1-8_r18', 'my/my.py', *how)
    assert 'mmsemi train my/my.py' in printed
    copy = Config.fromfile(tmp_path / 'my/my.py')
    shipped = Config.fromfile(CONFIGS / 'unimatch/camvid_1-8_r18.py')
    assert resolve_settings(copy).to_dict() == resolve_settings(shipped).to_dict()
    assert ('_base_' in (tmp_path / 'my/my.py').read_text()) == bool(how)
    error = mmsemi(tmp_path, 'cp', 'unimatch/camvid_1-8_r18', 'my/my.py', ok=False)
    assert '--force' in error and 'Traceback' not in error


def test_an_unknown_name(tmp_path):
    error = mmsemi(tmp_path, 'cp', 'unimatch/camvid_1-8_r81', 'my.py', ok=False)
    assert 'unimatch/camvid_1-8_r18' in error and 'Traceback' not in error
    assert not (tmp_path / 'my.py').exists()


def test_help_imports_neither_torch_nor_mmengine():
    """It takes a fraction of a second."""
    code = (
        'import sys; from mmsemi.commands.main import app; '
        "assert not {'torch', 'mmengine'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, '-c', code], check=True)
