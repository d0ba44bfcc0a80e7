"""Masks from both of COCO's annotations."""

import json

import numpy as np
import pytest

from mmsemi.datasets.transforms.loading import read_codes
from mmsemi.preparation.converters import convert_coco
from mmsemi.preparation.converters.coco import CLASSES
from tests.helpers.official import photo, save, stamps
from tests.helpers.tools import ROOT


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
