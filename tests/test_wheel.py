"""Installed from a wheel, the command goes all the way, from an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.tools import ROOT

SIZE = 64
IMAGES = 10
SHORT = (
    'train_cfg.max_epochs=1',
    'train_cfg.val_interval=1',
    'total_batch_size=2',
    'crop_size=33',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
    'default_hooks.checkpoint.interval=1',
)
# Without the packages of the extra, what needs none.
ONNX = all(map(find_spec, ('onnx', 'onnxscript', 'onnxruntime')))
EXPORTED = 'network.onnx' if ONNX else 'network.pt'
# What libraries say, and no user can do anything about.
NOISE = (
    'OneDL',
    'FileClient',
    'HardDiskBackend',
    'align_corners',
    'prefix is not set',
    'pin_memory',
    'draw is False',
    'Warning',
)


class Installed:
    """An environment outside the project with the wheel, and an empty folder."""

    def __init__(self, root: Path) -> None:
        source, wheels, self.env = root / 'source', root / 'wheels', root / 'env'
        self.folder = root / 'folder'
        self.folder.mkdir()
        # Built from a copy: setuptools leaves files beside what it builds.
        shutil.copytree(ROOT / 'mmsemi', source / 'mmsemi')  # what links lead to
        for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
            shutil.copy(ROOT / name, source)
        own = source / 'mmsemi/.mim/configs/my/unimatch.py'
        own.parent.mkdir(exist_ok=True)
        own.write_text('# a config of the user')
        pip = (sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check')
        options = ('--no-deps', '--no-build-isolation', '--wheel-dir', wheels)
        self._run(*pip, 'wheel', *options, source)
        (self.wheel,) = wheels.glob('*.whl')
        venv.create(self.env, with_pip=False)
        packages = sysconfig.get_path('purelib', vars=dict(base=str(self.env)))
        self.python = self.env / 'bin/python'
        options = ('--no-deps', '--no-index', '--ignore-installed')
        self._run(*pip, '--python', self.python, 'install', *options, self.wheel)
        # What mmsemi needs is installed beside the tests.
        others = Path(torch.__file__).parents[1]
        (Path(packages) / 'others.pth').write_text(f'{others}\n')

    def _run(self, *words: object, code: int = 0) -> str:
        env = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}
        done = subprocess.run(
            list(map(str, words)),
            cwd=self.folder,
            env=dict(env, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='-1'),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout[-6000:]
        return done.stdout

    def mmsemi(self, *args: object, code: int = 0) -> str:
        """Run the command in the folder; return what it printed."""
        return self._run(self.env / 'bin/mmsemi', *args, code=code)

    def run_python(self, text: str) -> str:
        """Run Python in the folder; return what it printed."""
        return self._run(self.python, '-c', text)


@pytest.fixture(scope='module')
def installed(tmp_path_factory) -> Installed:
    return Installed(tmp_path_factory.mktemp('wheel'))


def test_what_the_wheel_holds(installed):
    """The package, its configs and tools, and that it is typed."""
    names = ZipFile(installed.wheel).namelist()
    held = {name for name in names if name.startswith('mmsemi/')}
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


@pytest.fixture(scope='module')
def printed(installed) -> dict[str, str]:
    """What each command of a newcomer printed, by its name."""
    rng = np.random.default_rng(0)
    for folder in ('photos', 'masks', 'more'):
        (installed.folder / folder).mkdir()
    for i in range(IMAGES):
        pixels = rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(installed.folder / f'photos/{i}.png')
        Image.fromarray(pixels[::-1]).save(installed.folder / f'more/{i}.png')
        mask = Image.fromarray((pixels[..., 0] > 99).astype(np.uint8))
        mask.save(installed.folder / f'masks/{i}.png')
    (installed.folder / 'classes.txt').write_text('dark\nlight\n')
    config, best = 'my/unimatch_tiny.py', 'work/epoch_1.pth'
    commands = dict(
        init=(
            *('--images', 'photos', '--masks', 'masks', '--unlabeled', 'more'),
            *('--classes', 'classes.txt', '--out', 'my', '--backbone', 'tiny'),
        ),
        check=(config, '--cfg-options', *SHORT),
        train=(config, '--work-dir', 'work', '--cfg-options', *SHORT),
        test=(config, best, '--work-dir', 'scores', '--cfg-options', *SHORT),
        predict=('more', config, best, '--out-dir', 'results', '--legend'),
        export=(config, best, '-o', EXPORTED, '--num-images', '2'),
    )
    outputs = {}
    for name, args in commands.items():
        outputs[name] = installed.mmsemi(name, *args)
        if name == 'init':  # what it wrote may be moved with the images
            installed.folder = installed.folder.rename(installed.folder.parent / 'new')
    return outputs


def test_from_folders_to_an_exported_network(installed, printed):
    assert 'mmsemi check my/unimatch_tiny.py' in printed['init']
    header = (installed.folder / 'my/unimatch_tiny.py').read_text().partition('\n')[0]
    assert re.fullmatch('# mmsemi train .*my/unimatch_tiny.py', header)
    scores = json.loads((installed.folder / 'work/results.json').read_text())
    tested = float(re.findall(r'mIoU:? ([\d.]+)', printed['test'])[-1])
    assert tested == pytest.approx(scores[-1]['mIoU'], abs=0.02) and tested > 0
    masks = sorted((installed.folder / 'results/masks').glob('*.png'))
    assert len(masks) == IMAGES
    assert {Image.open(file).size for file in masks} == {(SIZE, SIZE)}


def test_the_documented_program_runs_what_was_exported(installed, printed):
    """Without mmsemi; with onnxruntime also without PyTorch."""
    assert ' pixels differ on ' in printed['export']
    shutil.copy(installed.folder / 'more/0.png', installed.folder / 'photo.png')
    page = (ROOT / 'docs/export.md').read_text()
    programs = re.findall(r'^```python\n(.*?)^```', page, re.M | re.S)
    absent = ('mmsemi', 'mmengine', 'mmseg', *(('torch',) if ONNX else ()))
    installed.run_python(f"""
import sys, cv2, numpy
sys.modules.update(dict.fromkeys({absent}))
{programs[not ONNX]}
cv2.imwrite('mask.png', numpy.asarray(mask))
""")
    found, mask = (
        np.array(Image.open(installed.folder / file))
        for file in ('mask.png', 'results/masks/0.png')
    )
    assert (found != mask).mean() < 1e-3
    if ONNX:
        assert Image.open(installed.folder / 'segmented.png').size == (SIZE, SIZE)


def test_no_path_of_the_project_is_needed(installed, printed):
    where = installed.run_python('import mmsemi; print(mmsemi.__file__)')
    assert where.startswith(str(installed.env))
    for name, text in printed.items():
        # The other packages may be installed below it.
        assert not re.search(rf'{ROOT}/(?:mmsemi|configs|tools)\b', text), name


@pytest.mark.parametrize(
    'command', ['init', 'check', 'train', 'test', 'predict', 'export']
)
def test_no_noise(printed, command):
    lines = printed[command].splitlines()
    assert not [line for line in lines if any(word in line for word in NOISE)]


def test_shipped_configs(installed):
    """By name, by MMEngine's hub, as a base; and mim's folder."""
    names = installed.mmsemi('ls').split()
    assert len(names) > 700 and 'rankmatch/pascal_1-16' in names
    installed.mmsemi('cp', names[0], 'copied.py')
    loaded = installed.run_python("""
from pathlib import Path
from mmengine.config import Config
from mmengine.hub import get_config
import mmsemi
name = 'mmsemi::rankmatch/pascal_1-16.py'
print(get_config(name).model.type)
Path('own.py').write_text(f'_base_ = {name!r}')
print(Config.fromfile('own.py').crop_size)
mim = Path(mmsemi.__file__).parent / '.mim'
print(*sorted(file.name for file in mim.iterdir()))
print((mim / 'tools/dev').exists())
""")
    assert loaded.split('\n')[:4] == [
        'RankMatch',
        '321',
        'configs model-index.yml tools',
        'False',
    ]


def test_scripts_come_along(installed):
    """As mim starts them."""
    where = Path(installed.run_python('import mmsemi; print(mmsemi.__file__)').strip())
    script = where.parent / '.mim/tools/train.py'
    assert 'mmsemi train' in installed._run(installed.python, script, '--help')


def test_doctor(installed):
    assert 'A training can start' in installed.mmsemi('doctor', 'demo/rankmatch_scenes')


def test_a_shell_completes_commands_options_and_configs(installed):
    """In bash, with what `--show-completion` prints."""
    script = installed._run(
        *('env', f'PATH={installed.env}/bin:{os.environ["PATH"]}', 'SHELL=/bin/bash'),
        *('_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1', 'mmsemi'),
        *('--show-completion', 'bash'),
    )
    assert 'complete -o default -F' in script
    (installed.folder / 'completion.sh').write_text(script)
    shell = f"""
PATH={installed.env}/bin:$PATH
source completion.sh
complete_line() {{
    COMP_WORDS=($1) COMP_CWORD=$(( $(wc -w <<< "$1") - 1 )) COMPREPLY=()
    $(complete -p mmsemi | sed 's/.*-F \\([^ ]*\\) .*/\\1/') mmsemi
    echo "$1: ${{COMPREPLY[*]}}"
}}
complete_line 'mmsemi tra'
complete_line 'mmsemi train rankmatch/pascal_1-16'
complete_line 'mmsemi train --work'
"""
    lines = installed._run('bash', '-c', shell).splitlines()
    assert 'train' in lines[0].split(': ')[1].split()
    assert 'rankmatch/pascal_1-16_r50' in lines[1].split(': ')[1].split()
    assert lines[2].split(': ')[1].split() == ['--work-dir']
