"""The command that converts official masks."""

import sys

from tests.helpers.official import make_cityscapes, make_voc
from tests.helpers.tools import call

TOOL = 'tools/data/convert_masks.py'


def test_tool(tmp_path, monkeypatch):
    voc, cityscapes = make_voc(tmp_path), make_cityscapes(tmp_path)
    sbd = tmp_path / 'sbd'
    out = call(TOOL, 'pascal', '--data-root', voc, '--sbd', sbd, '--workers', 1)
    assert 'SBD masks: 1 written, 1 were there' in out
    assert 'prepare_splits.py pascal' in out
    monkeypatch.setenv('MMSEMI_DATA', str(tmp_path / 'elsewhere'))
    out = call(TOOL, 'coco', '--source', 'panoptic', ok=False)
    assert str(tmp_path / 'elsewhere/coco/annotations/panoptic_train2017.json') in out
    assert '2 written' in call(TOOL, 'cityscapes', '--data-root', cityscapes)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    args = ('pascal', '--data-root', make_voc(tmp_path), '--sbd', tmp_path / 'sbd')
    assert 'pip install scipy' in call(TOOL, *args, ok=False)
