"""The parts of `make lint` and of the pre-commit hooks."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_pre_commit_runs_what_make_lint_runs():
    (parts,) = re.findall(r'^lint: (.+)$', (ROOT / 'Makefile').read_text(), re.M)
    config = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
    hooks = [hook['entry'] for repo in config['repos'] for hook in repo['hooks']]
    assert hooks == [f'make {part}' for part in parts.split()]
