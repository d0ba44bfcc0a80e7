"""CONTRIBUTING.md, executed literally in a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'CONTRIBUTING.md').read_text()
# The last file named before a block is the one that the block shows.
BLOCKS = re.findall(
    r'`([\w/]+\.py)`[^`]*(?:`[^`]+`[^`]*)?:\n\n```(\w+)\n(.*?)```', PAGE, re.S
)


def apply(path: Path, diff: str) -> None:
    """Add the lines that begin with +, each between the lines around it."""
    text = path.read_text()
    for hunk in diff.split('...\n'):
        lines = hunk.splitlines(keepends=True)
        before = ''.join(line[1:] for line in lines if line[0] != '+')
        assert text.count(before) == 1, f'{path.name} does not hold:\n{before}'
        text = text.replace(before, ''.join(line[1:] for line in lines))
    path.write_text(text)


def make_camvid(root: Path) -> None:
    """Write 12 training and 2 validation images of bands in a class's gray."""
    rng = np.random.default_rng(0)
    for split, count in (('val', 2), ('train', 12)):
        lines = []
        for i in range(count):
            mask = np.zeros((150, 200), np.uint8)
            for label, x in enumerate(np.sort(rng.integers(20, 180, 3)), 1):
                mask[:, x:] = label
            image = rng.normal(30 + 60 * mask[..., None], 10, (150, 200, 3))
            names = f'{split}/{i}.png', f'{split}annot/{i}.png'
            for name, pixels in zip(names, (image.clip(0, 255), mask), strict=True):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / name), pixels.astype(np.uint8))
            lines.append(' '.join(names))
        (root / 'splits/1_8').mkdir(parents=True, exist_ok=True)
        (root / f'splits/{split}.txt').write_text('\n'.join(lines))
    (root / 'splits/1_8/labeled.txt').write_text('\n'.join(lines[:4]))


@pytest.fixture(scope='module')
def project(tmp_path_factory) -> Path:
    """A copy of the project with the page's method in it."""
    root = tmp_path_factory.mktemp('project')
    for name in ('mmsemi', 'configs', 'tools', 'tests'):
        shutil.copytree(
            ROOT / name, root / name, ignore=shutil.ignore_patterns('__pycache__', 'my')
        )
    shutil.copy(ROOT / 'pyproject.toml', root)
    for name, kind, block in BLOCKS:
        if kind == 'diff':
            apply(root / name, block)
        else:
            (root / name).write_text(block)
    make_camvid(root / 'data/camvid')
    return root


def run(project: Path, command: str) -> str:
    """Run a command of the page in the copy; return its output."""
    program, *args = command.split()
    done = subprocess.run(
        [sys.executable if program == 'python' else program, *args],
        cwd=project,
        env={
            **{k: v for k, v in os.environ.items() if k != 'MMSEMI_DATA'},
            'PYTHONPATH': str(project),
            'OMP_NUM_THREADS': '1',
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_the_page_has_file_import_row_and_test():
    assert [(Path(name).name, kind) for name, kind, _ in BLOCKS] == [
        ('softmatch.py', 'python'),
        ('__init__.py', 'diff'),
        ('methods.py', 'diff'),
        ('test_softmatch.py', 'python'),
    ]


def test_its_commands_write_configs_test_and_train(project):
    (commands,) = re.findall(r'```sh\n(.*?)```', PAGE, re.S)
    write, test, train = commands.splitlines()
    run(project, write)
    there = {p.name for p in (project / 'configs/fixmatch').glob('*.py')}
    assert {p.name for p in (project / 'configs/softmatch').iterdir()} == there

    assert '2 passed' in run(project, test)

    run(project, train)
    (log,) = (project / 'work_dirs').rglob('scalars.json')
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [step['train/loss'] for step in steps if 'train/loss' in step]
    assert len(losses) == 6 and losses[-1] < losses[0]
    assert all(s['train/loss_strong'] > 0 for s in steps if 'train/loss' in s)
    assert 'val/mIoU' in steps[-1]


def test_its_code_passes_lint(project):
    """The page's formatting is checked by ruff in the page itself."""
    names = [name for name, _, _ in BLOCKS]
    run(project, f'python -m ruff check {" ".join(names)}')
