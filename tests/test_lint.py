"""The parts of `make lint`, of the pre-commit hooks and of the wheel."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import yaml

ROOT = Path(__file__).parents[1]


def test_pre_commit_runs_what_make_lint_runs():
    (parts,) = re.findall(r'^lint: (.+)$', (ROOT / 'Makefile').read_text(), re.M)
    config = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
    hooks = [hook['entry'] for repo in config['repos'] for hook in repo['hooks']]
    assert hooks == [f'make {part}' for part in parts.split()]


def test_the_wheel_holds_the_package_its_configs_and_says_that_it_is_typed(tmp_path):
    for name in ('setup.py', 'pyproject.toml', 'LICENSE'):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / 'mmsemi', tmp_path / 'mmsemi')  # a copy of what links mean
    own = tmp_path / 'mmsemi/.mim/configs/my/unimatch.py'
    own.parent.mkdir(exist_ok=True)
    own.write_text('# a config of the user')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '-q', '.', '-w', 'dist']
        + ['--no-deps', '--no-build-isolation'],
        check=True,
        cwd=tmp_path,
    )
    (wheel,) = (tmp_path / 'dist').glob('*.whl')
    held = {name for name in ZipFile(wheel).namelist() if name.startswith('mmsemi/')}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'mmsemi').rglob('*')
        if path.suffix == '.py'
        or path.name == 'py.typed'
        or (path.parent.name == 'templates' and path.is_file())
    }
    assert 'mmsemi/py.typed' in package
    configs = {
        f'mmsemi/.mim/{path.relative_to(ROOT).as_posix()}'
        for path in (ROOT / 'configs').rglob('*')
        if 'my' not in path.parts
        and (path.suffix == '.py' or path.name == 'metafile.yml')
    }
    tools = {
        f'mmsemi/.mim/{path.relative_to(ROOT).as_posix()}'
        for path in (ROOT / 'tools').rglob('*')
        if path.suffix in ('.py', '.sh') and path.parent.name != 'dev'
    }
    assert held == package | configs | tools | {'mmsemi/.mim/model-index.yml'}
