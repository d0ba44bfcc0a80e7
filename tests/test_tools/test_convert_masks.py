"""Masks from small files in the official format of each data set."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.preparation.converters import (
    check_ade20k,
    check_lists,
    convert_cityscapes,
    convert_coco,
    convert_pascal,
)
from mmsemi.preparation.converters.coco import CLASSES
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


def save(file: Path, pixels) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), np.asarray(pixels, np.uint8))
    return file


def photo(file: Path, height=6, width=8) -> Path:
    return save(file, np.full((height, width, 3), 90))


def stamps(folder: Path) -> dict:
    """Every file below a folder, with what changes when it is written."""
    return {f: f.stat().st_mtime_ns for f in folder.rglob('*') if f.is_file()}


# Pascal: `a` and `b` are VOC's, `b` and `c` SBD's.


def sbd_mat(folder: Path, name: str, mask) -> None:
    (folder / 'cls').mkdir(parents=True, exist_ok=True)
    boundaries = np.empty((20, 1), object)
    for i in range(20):
        boundaries[i, 0] = csc_matrix(np.asarray(mask) == i + 1)
    savemat(
        str(folder / f'cls/{name}.mat'),
        {
            'GTcls': {
                'Boundaries': boundaries,
                'Segmentation': np.asarray(mask, np.uint8),
                'CategoriesPresent': [1],
            }
        },
        do_compression=True,
    )


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / 'VOC2012'
    for name in 'abc':
        photo(root / f'JPEGImages/{name}.jpg')
    for name in 'ab':
        mask = Image.fromarray(np.full((6, 8), 7, np.uint8), mode='P')
        mask.putpalette(bytes(range(256)) * 3)
        (root / 'SegmentationClass').mkdir(exist_ok=True)
        mask.save(root / f'SegmentationClass/{name}.png')
    (root / 'ImageSets/Segmentation').mkdir(parents=True)
    (root / 'ImageSets/Segmentation/trainval.txt').write_text('a\nb\n')
    for name in 'bc':
        sbd_mat(tmp_path / 'sbd/dataset', name, np.tile(range(8), (6, 1)))
    return root


@pytest.mark.parametrize('folder', ['sbd', 'sbd/dataset'])
def test_pascal_adds_to_voc(voc, tmp_path, folder):
    before = stamps(voc)
    assert convert_pascal(voc, tmp_path / folder) == 1
    mask = read_codes(voc / 'SegmentationClass/c.png')
    assert mask.dtype == np.uint8
    assert (mask == np.tile(range(8), (6, 1))).all()
    after = stamps(voc)
    assert after.items() > before.items()  # VOC's own masks are untouched
    assert convert_pascal(voc, tmp_path / folder) == 0
    assert stamps(voc) == after


def test_pascal_needs_all_of_voc(voc, tmp_path):
    (voc / 'SegmentationClass/b.png').unlink()
    with pytest.raises(FileNotFoundError, match='for example b.png'):
        convert_pascal(voc, tmp_path / 'sbd')
    (voc / 'ImageSets/Segmentation/trainval.txt').unlink()
    with pytest.raises(FileNotFoundError, match='VOCtrainval_11-May-2012'):
        convert_pascal(voc, tmp_path / 'sbd')
    assert not (voc / 'SegmentationClass/c.png').exists()


def test_pascal_without_scipy(voc, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    with pytest.raises(ImportError, match='pip install scipy'):
        convert_pascal(voc, tmp_path / 'sbd')


def test_pascal_goes_on_after_a_damaged_file(voc, tmp_path):
    sbd = tmp_path / 'sbd/dataset'
    for name, mask in (('d', np.full((6, 8), 21)), ('e', np.ones((8, 6)))):
        photo(voc / f'JPEGImages/{name}.jpg')
        sbd_mat(sbd, name, mask)
    mat = (sbd / 'cls/c.mat').read_bytes()
    (sbd / 'cls/f.mat').write_bytes(mat[:200])
    with pytest.raises(ValueError) as error:
        convert_pascal(voc, sbd, workers=2)
    assert '3 failed' in str(error.value)
    assert 'd.mat holds values 21 to 21' in str(error.value)
    assert 'e.mat is (8, 6)' in str(error.value)
    assert 'f.mat cannot be read' in str(error.value)
    assert (voc / 'SegmentationClass/c.png').is_file()
    assert not (voc / 'SegmentationClass/d.png').exists()


# Cityscapes


@pytest.fixture
def cityscapes(tmp_path):
    ids = np.arange(48).reshape(6, 8) % 34
    for name in ('train/aachen/aachen_0', 'val/ulm/ulm_0', 'test/bonn/bonn_0'):
        save(tmp_path / f'gtFine/{name}_gtFine_labelIds.png', ids)
    return tmp_path


def test_cityscapes(cityscapes):
    assert convert_cityscapes(cityscapes) == 2
    for name in ('train/aachen/aachen_0', 'val/ulm/ulm_0'):
        mask = read_codes(cityscapes / f'gtFine/{name}_gtFine_labelTrainIds.png')
        ids = read_codes(cityscapes / f'gtFine/{name}_gtFine_labelIds.png')
        # The table that the data set's own scripts publish.
        official = {
            7: 0,
            8: 1,
            11: 2,
            12: 3,
            13: 4,
            17: 5,
            19: 6,
            20: 7,
            21: 8,
            22: 9,
            23: 10,
            24: 11,
            25: 12,
            26: 13,
            27: 14,
            28: 15,
            31: 16,
            32: 17,
            33: 18,
        }
        assert (mask == np.vectorize(lambda i: official.get(i, 255))(ids)).all()
    assert not list(cityscapes.glob('gtFine/test/*/*TrainIds.png'))


def test_cityscapes_goes_on_where_it_was(cityscapes):
    convert_cityscapes(cityscapes)
    before = stamps(cityscapes)
    lost = next(cityscapes.glob('gtFine/train/*/*TrainIds.png'))
    lost.unlink()
    assert convert_cityscapes(cityscapes, workers=2) == 1
    after = stamps(cityscapes)
    assert {f for f in after if after[f] != before[f]} == {lost}


def test_cityscapes_refuses_other_values(cityscapes, tmp_path):
    file = next(cityscapes.glob('gtFine/train/*/*labelIds.png'))
    save(file, np.full((6, 8), 34))
    with pytest.raises(ValueError, match='holds 34 to 34, but label ids'):
        convert_cityscapes(cityscapes)
    with pytest.raises(FileNotFoundError, match='gtFine_trainvaltest.zip'):
        convert_cityscapes(tmp_path / 'nowhere')


# COCO


@pytest.fixture
def coco(tmp_path):
    """One train image: a person (1) behind a toothbrush (90); one of val."""
    things = [
        dict(
            id=11,
            image_id=5,
            category_id=90,
            iscrowd=0,
            segmentation=[[3, 1, 5, 1, 5, 3, 3, 3]],
        ),
        dict(
            id=10,
            image_id=5,
            category_id=1,
            iscrowd=0,
            segmentation=[[0, 0, 4, 0, 4, 4, 0, 4], [6, 0, 8, 0, 8, 1, 6, 1]],
        ),
        dict(
            id=12,
            image_id=5,
            category_id=13,
            iscrowd=1,
            segmentation=dict(size=[6, 8], counts=[5, 1, 5, 1, 36]),
        ),
    ]
    names = {'train2017': 5, 'val2017': 6}
    folder = tmp_path / 'annotations'
    for part, image_id in names.items():
        photo(tmp_path / f'{part}/{image_id:012}.jpg')
        image = dict(id=image_id, file_name=f'{image_id:012}.jpg', height=6, width=8)
        segments = [
            dict(id=1 + 2 * 256 + 3 * 65536, category_id=90, iscrowd=0),
            dict(id=7, category_id=1, iscrowd=0),
            dict(id=9, category_id=200, iscrowd=0),
        ]
        folder.mkdir(exist_ok=True)
        (folder / f'instances_{part}.json').write_text(
            json.dumps(
                dict(images=[image], annotations=things if part == 'train2017' else [])
            )
        )
        (folder / f'panoptic_{part}.json').write_text(
            json.dumps(
                dict(
                    images=[image],
                    annotations=[
                        dict(
                            image_id=image_id,
                            file_name=f'{image_id:012}.png',
                            segments_info=segments,
                        )
                    ],
                )
            )
        )
        rgb = np.zeros((6, 8, 3), np.uint8)
        rgb[0], rgb[1], rgb[2] = (1, 2, 3), (7, 0, 0), (9, 0, 0)
        save(folder / f'panoptic_{part}/{image_id:012}.png', rgb[..., ::-1])
    return tmp_path


def test_coco_classes_are_those_of_the_config():
    from mmengine.config import Config

    classes = Config.fromfile(ROOT / 'configs/_base_/datasets/coco.py').metainfo.classes
    assert list(CLASSES.values()) == list(range(1, len(classes)))
    for category, name in (
        (1, 'person'),
        (13, 'stop sign'),
        (44, 'bottle'),
        (62, 'chair'),
        (82, 'refrigerator'),
        (90, 'toothbrush'),
    ):
        assert classes[CLASSES[category]] == name


def test_coco_instances(coco):
    assert convert_coco(coco) == 2
    mask = read_codes(coco / 'masks/000000000005.png')
    expected = np.zeros((6, 8), np.uint8)
    expected[:4, :4] = expected[0, 6:] = 1
    expected[1:3, 3:5] = 80  # smaller, so in front
    expected[5, :2] = 12  # a crowd of stop signs
    assert (mask == expected).all()
    assert not read_codes(coco / 'masks/000000000006.png').any()


def test_coco_panoptic(coco):
    assert convert_coco(coco, 'panoptic', workers=2) == 2
    mask = read_codes(coco / 'masks/000000000005.png')
    assert mask.shape == (6, 8)
    assert [set(row) for row in mask.tolist()] == [{80}, {1}, {0}, {0}, {0}, {0}]


def test_coco_keeps_its_sources_apart(coco):
    convert_coco(coco)
    before = stamps(coco)
    assert convert_coco(coco) == 0
    with pytest.raises(ValueError, match='masks made from instances'):
        convert_coco(coco, 'panoptic')
    assert stamps(coco) == before


def test_coco_names_what_is_damaged(coco):
    file = coco / 'annotations/instances_train2017.json'
    content = json.loads(file.read_text())
    content['annotations'][0]['segmentation'] = dict(size=[6, 8], counts=[3])
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='annotation 11: run lengths give 3'):
        convert_coco(coco)
    content['annotations'][0]['category_id'] = 12
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='category 12'):
        convert_coco(coco)
    for damaged in ('{"images": [', '[]', '{"images": [{"id": 1}]}'):
        file.write_text(damaged)
        with pytest.raises(ValueError, match='no COCO annotation file'):
            convert_coco(coco)
    file.unlink()
    with pytest.raises(FileNotFoundError, match='Unpack annotations_trainval2017.zip'):
        convert_coco(coco)


def test_coco_panoptic_names_what_is_missing(coco):
    picture = coco / 'annotations/panoptic_train2017/000000000005.png'
    rgb = np.full((6, 8, 3), 200)
    save(picture, rgb)
    with pytest.raises(ValueError, match='does not name|do not name'):
        convert_coco(coco, 'panoptic')
    save(picture, rgb[:3])
    with pytest.raises(ValueError, match=r'is \(3, 8\), expected'):
        convert_coco(coco, 'panoptic')
    picture.unlink()
    with pytest.raises(ValueError, match='panoptic_train2017.zip'):
        convert_coco(coco, 'panoptic')


# ADE20K


@pytest.fixture
def ade20k(tmp_path):
    for part in ('training', 'validation'):
        photo(tmp_path / f'images/{part}/ADE_1.jpg')
        save(
            tmp_path / f'annotations/{part}/ADE_1.png',
            np.arange(48).reshape(6, 8) + 103,
        )
    return tmp_path


def test_ade20k_masks_stay_as_they_are(ade20k):
    before = stamps(ade20k)
    assert check_ade20k(ade20k) == 2
    assert stamps(ade20k) == before


@pytest.mark.parametrize(
    'value,match', [(255, 'is already shifted'), (151, 'holds 151, but')]
)
def test_ade20k_other_masks_are_found(ade20k, value, match):
    mask = np.zeros((6, 8))
    mask[2, 3] = value
    save(ade20k / 'annotations/training/ADE_1.png', mask)
    with pytest.raises(ValueError, match=match):
        check_ade20k(ade20k, workers=2)


def test_ade20k_sizes_are_compared(ade20k):
    save(ade20k / 'annotations/validation/ADE_1.png', np.zeros((8, 6)))
    with pytest.raises(ValueError, match='1 failed'):
        check_ade20k(ade20k)
    with pytest.raises(FileNotFoundError, match='ADEChallengeData2016.zip'):
        check_ade20k(ade20k / 'nowhere')


# The tool


def test_lists_are_checked_after_converting(cityscapes):
    assert 'no lists yet' in check_lists('cityscapes', cityscapes)
    line = (
        'leftImg8bit/val/ulm/ulm_0_leftImg8bit.png '
        'gtFine/val/ulm/ulm_0_gtFine_labelTrainIds.png\n'
    )
    (cityscapes / 'splits').mkdir()
    (cityscapes / 'splits/val.txt').write_text(line)
    with pytest.raises(FileNotFoundError, match='2 of the 2 files'):
        check_lists('cityscapes', cityscapes)
    convert_cityscapes(cityscapes)
    photo(cityscapes / line.split()[0])
    assert 'All files' in check_lists('cityscapes', cityscapes)


def test_tool(tool, voc, cityscapes, tmp_path, monkeypatch):
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
