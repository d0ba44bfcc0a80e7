"""The command that converts official masks."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

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
    monkeypatch.setitem(sys.modules, 'scipy', None)
    args = ('pascal', '--data-root', make_voc(tmp_path), '--sbd', tmp_path / 'sbd')
    assert "pip install 'mmsemi[sbd]'" in call(TOOL, *args, ok=False)


@pytest.fixture
def export(tmp_path):
    """Photos in two folders, 6 of 8 annotated in one COCO file of another machine."""
    images, annotations = [], []
    for i in range(8):
        path = tmp_path / f'photos/{i % 2}/{i}.JPG'
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(i).integers(0, 255, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(path, 'JPEG')
        name = f'C:\\export\\{i % 2}\\{i}.jpg'
        images.append(dict(id=i, file_name=name, height=40, width=48))
        corners = [i, 0, 30, 0, 30, 30]
        for category in (1, 2) if i < 6 else ():
            annotations.append(
                dict(
                    id=len(annotations),
                    image_id=i,
                    category_id=category,
                    segmentation=[[x + category for x in corners]],
                )
            )
    categories = [dict(id=2, name='sign'), dict(id=1, name='car')]
    content = dict(images=images, annotations=annotations, categories=categories)
    (tmp_path / 'export.json').write_text(json.dumps(content))
    return [
        *('--images', tmp_path / 'photos', '--annotations', tmp_path / 'export.json'),
        *('--outside', 'background', '--workers', 1),
    ]


def test_annotations_to_masks_to_configs(export, tmp_path):
    out = call(TOOL, 'own', *export, '--out', tmp_path / 'masks')
    assert '6 masks with 3 classes (background, car, sign)' in out
    assert '2 images have no annotation and got no mask' in out
    (line,) = [line for line in out.splitlines() if 'init_dataset.py' in line]
    command = line.replace('configs/my', str(tmp_path / 'a')).split()[2:]
    more = ['--backbone', 'tiny', '--workers', 1]
    init = 'tools/data/init_dataset.py'
    assert '5 labeled, 2 unlabeled, 1 val' in call(init, *command, *more)
    # Directly, the same.
    paths = ('--masks', tmp_path / 'masks2', '--out', tmp_path / 'b')
    assert '5 labeled, 2 unlabeled, 1 val' in call(init, *export, *paths, *more)
    for name in ('labeled', 'unlabeled', 'val'):
        text = (tmp_path / f'b/splits/{name}.txt').read_text()
        first = (tmp_path / f'a/splits/{name}.txt').read_text()
        assert text == first.replace('masks/', 'masks2/')
    masks = [sorted((tmp_path / n).rglob('*.png')) for n in ('masks', 'masks2')]
    assert [m.read_bytes() for m in masks[0]] == [m.read_bytes() for m in masks[1]]


def test_an_unusable_annotation_fails_the_command(export, tmp_path):
    (tmp_path / 'photos/1/3.JPG').unlink()
    args = ('own', *export, '--out', tmp_path / 'masks')
    out = call(TOOL, *args, ok=False)
    assert 'no such image' in out and 'Traceback' not in out
    assert '5 masks' in call(TOOL, *args, '--skip-unusable')
