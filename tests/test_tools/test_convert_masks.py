"""The command that converts official masks."""

import runpy
import sys

import pytest

from tests.helpers.official import make_cityscapes, make_voc
from tests.helpers.tools import ROOT

TOOL = ROOT / 'tools/data/convert_masks.py'


@pytest.fixture
def tool(monkeypatch, capsys):
    """Run the tool in this process: its exit status and what it printed."""

    def call(*args):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, args)])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(TOOL), run_name='__main__')
        printed = capsys.readouterr()
        return stopped.value.code, printed.out + printed.err

    return call


def test_tool(tool, tmp_path, monkeypatch):
    voc, cityscapes = make_voc(tmp_path), make_cityscapes(tmp_path)
    code, out = tool(
        'pascal', '--data-root', voc, '--sbd', tmp_path / 'sbd', '--workers', 1
    )
    assert code == 0 and 'SBD masks: 1 written, 1 were there' in out
    assert 'prepare_splits.py pascal' in out
    monkeypatch.setenv('MMSEMI_DATA', str(tmp_path / 'elsewhere'))
    code, out = tool('coco', '--source', 'panoptic')
    assert code == 1
    assert str(tmp_path / 'elsewhere/coco/annotations/panoptic_train2017.json') in out
    code, out = tool('cityscapes', '--data-root', cityscapes)
    assert code == 0 and '2 written' in out
