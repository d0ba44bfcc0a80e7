"""The command that makes the built-in data set."""

import json
import runpy
import sys

import pytest

from mmsemi.datasets import ensure_scenes
from tests.helpers.scenes import SMALL, pixels
from tests.helpers.tools import ROOT

TOOL = ROOT / 'tools/data/make_scenes.py'


def test_command(tmp_path, monkeypatch, capsys):
    root = ensure_scenes(tmp_path / 'expected', **SMALL)
    target = tmp_path / 'made'
    arguments = [
        str(TOOL),
        str(target),
        '--seed',
        '3',
        '--num-train',
        '40',
        '--num-val',
        '16',
        '--size',
        '48',
        '36',
    ]
    monkeypatch.setattr(sys, 'argv', arguments)
    runpy.run_path(str(TOOL), run_name='__main__')
    assert str(target) in capsys.readouterr().out
    assert pixels(target) == pixels(root)
    assert json.loads((target / 'scenes.json').read_text())['seed'] == 3
    monkeypatch.setattr(sys, 'argv', arguments[:2])
    with pytest.raises(SystemExit, match='1'):
        runpy.run_path(str(TOOL), run_name='__main__')
    assert f'error: {target} cannot take' in capsys.readouterr().err
