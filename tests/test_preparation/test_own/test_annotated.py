"""Annotation files are written as masks, or refused with all that is wrong."""

import json

import numpy as np
import pytest
from PIL import Image

from mmsemi.preparation.own.annotated import Finder, write_masks
from mmsemi.preparation.own.classes import read_classes, read_labels

H, W = 20, 30


def box(label, left, top, right, bottom):
    return dict(
        label=label, shape_type='rectangle', points=[[left, top], [right, bottom]]
    )


@pytest.fixture
def photos(tmp_path):
    """Writes photos, and a LabelMe file for each that has shapes."""

    def make(**shapes):
        for i, (name, held) in enumerate(shapes.items()):
            path = tmp_path / f'photos/{i % 2}/{name}.JPG'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new('RGB', (W, H)).save(path, 'JPEG')
            content = dict(
                shapes=held, imagePath=path.name, imageHeight=H, imageWidth=W
            )
            if held is not None:
                path.with_suffix('.json').write_text(json.dumps(content))
        return dict(
            annotations=tmp_path / 'photos',
            images=tmp_path / 'photos',
            out=tmp_path / 'masks',
            outside='background',
        )

    return make


LARGE, SMALL = box('car', 0, 0, 20, 20), box('sign', 5, 5, 10, 10)


def mask(tmp_path, name='0/a.png'):
    return np.array(Image.open(tmp_path / 'masks' / name))


def test_masks_and_their_classes_file(photos, tmp_path):
    said = write_masks(**photos(a=[LARGE, SMALL], b=[SMALL], c=[], d=None))
    assert '2 masks with 3 classes (background, car, sign)' in said
    assert '1 images have no annotation and got no mask' in said
    table = read_classes(tmp_path / 'masks/classes.txt')
    assert table.names == ('background', 'car', 'sign') and table.plain
    assert mask(tmp_path)[:, :20].sum() == 400 + 25 and not mask(tmp_path)[:, 20:].any()
    assert np.unique(mask(tmp_path, '1/b.png')).tolist() == [0, 2]
    assert len(list((tmp_path / 'masks').rglob('*.png'))) == 2


@pytest.mark.parametrize(
    'first, second, smaller, value',
    [
        (LARGE, SMALL, False, 2),
        (SMALL, LARGE, False, 1),
        (SMALL, LARGE, True, 2),
        (LARGE, SMALL, True, 2),
    ],
)
def test_overlap(photos, tmp_path, first, second, smaller, value):
    write_masks(**photos(a=[first, second]), smaller_on_top=smaller)
    assert mask(tmp_path)[7, 7] == value


def test_outside_is_a_class_or_ignored(photos, tmp_path):
    args = photos(a=[LARGE, SMALL, box('ignore', 0, 0, 2, 2)])
    write_masks(**dict(args, outside='ignore'))
    assert mask(tmp_path)[0, 25] == mask(tmp_path)[0, 0] == 255
    assert mask(tmp_path)[10, 15] == 0
    write_masks(**dict(args, outside='sign'), force=True)
    assert mask(tmp_path)[0, 25] == mask(tmp_path)[7, 7] == 0
    with pytest.raises(ValueError, match='--outside sky is none of the classes'):
        (tmp_path / 'c.txt').write_text('background\nx: car, sign\n')
        classes = tmp_path / 'c.txt'
        write_masks(**dict(args, outside='sky'), force=True, classes=classes)


def test_classes_file_joins_and_ignores_labels(photos, tmp_path):
    file = tmp_path / 'c.txt'
    file.write_text('background\nvehicle: car, truck\nignore: sign\n')
    args = photos(a=[LARGE, SMALL], b=[box('vehicle', 0, 0, 3, 3)])
    write_masks(**args, classes=file)
    assert np.unique(mask(tmp_path)).tolist() == [0, 1, 255]
    assert mask(tmp_path, '1/b.png').sum() == 9
    assert read_labels(file)[1] == dict(
        background=0, vehicle=1, car=1, truck=1, sign=255
    )
    file.write_text('a: x\nb: x\n')
    with pytest.raises(ValueError, match="'x' stands for two classes"):
        read_labels(file)


def test_images_without_annotations(photos, tmp_path):
    said = write_masks(**photos(a=[SMALL], b=[], c=[]), keep_empty=True)
    assert '3 masks' in said and 'no mask' not in said
    with pytest.raises(ValueError, match='masks without a class'):
        write_masks(**photos(a=[SMALL]) | dict(outside='ignore'), keep_empty=True)
    assert not mask(tmp_path, '1/b.png').any()


class TestUnusable:
    """Everything is named at once, in a file too, and left out on demand."""

    def fails(self, args, tmp_path, *said):
        with pytest.raises(ValueError, match='cannot be used') as error:
            write_masks(**args)
        listed = (tmp_path / 'masks/unusable.txt').read_text()
        for text in said:
            assert text in str(error.value) and text in listed
        assert '--skip-unusable' in str(error.value)
        return write_masks(**args, skip_unusable=True, force=True)

    def test_labels_that_the_classes_file_lacks(self, photos, tmp_path):
        (tmp_path / 'c.txt').write_text('background\ncar\n')
        args = dict(
            photos(a=[LARGE, box('Car', 0, 0, 1, 1)]), classes=tmp_path / 'c.txt'
        )
        left = self.fails(
            args, tmp_path, "1 annotations have the label 'Car'", "'car')"
        )
        assert '1 annotations or images cannot be used' in left
        assert mask(tmp_path)[:, :20].all()

    def test_missing_image_and_other_size(self, photos, tmp_path):
        args = photos(a=[LARGE], b=[LARGE], c=[LARGE], d=[LARGE])
        (tmp_path / 'photos/0/c.JPG').unlink()
        Image.new('RGB', (W, H - 1)).save(tmp_path / 'photos/1/b.JPG', 'JPEG')
        Image.new('RGB', (H, W)).save(tmp_path / 'photos/1/d.JPG', 'JPEG')
        left = self.fails(
            args,
            tmp_path,
            'image 0/c.JPG: there is no such image',
            'has 30x19 pixels, but the annotations are for 30x20',
            'has 20x30 pixels, but the annotations are for 30x20; if EXIF',
        )
        assert left.startswith('1 masks')

    def test_regions_that_cannot_be_drawn(self, photos, tmp_path):
        outside = box('car', 40, 40, 50, 50)
        flat = dict(label='car', points=[[1, 1], [2, 2]])
        self.fails(
            photos(a=[LARGE, outside], b=[flat, SMALL]),
            tmp_path,
            'a.json, shape 2 (car): it covers no pixel',
            'b.json, shape 1 (car): a polygon has 4 numbers',
        )
        assert mask(tmp_path).any() and mask(tmp_path, '1/b.png').any()

    def test_an_image_that_is_annotated_twice(self, photos, tmp_path):
        args = photos(a=[LARGE], b=[SMALL])
        text = (tmp_path / 'photos/0/a.json').read_text()
        (tmp_path / 'photos/0/copy.json').write_text(text)
        self.fails(args, tmp_path, 'it is already annotated in')


def test_masks_are_not_written_over(photos, tmp_path):
    args = photos(a=[LARGE], b=[SMALL])
    write_masks(**args)
    with pytest.raises(FileExistsError, match='already holds 2 masks'):
        write_masks(**args)
    (tmp_path / 'photos/1/b.json').unlink()
    with pytest.raises(ValueError, match='1 masks .* without annotations. Remove'):
        write_masks(**args, force=True)
    with pytest.raises(ValueError, match='is the folder of images'):
        write_masks(**dict(args, out=args['images']))


@pytest.mark.parametrize(
    'name, found',
    [
        ('train/1.jpg', 'train/1.jpg'),
        ('C:\\data\\val\\1.jpg', 'val/1.jpg'),
        ('/home/me/train/2.png', 'train/2.jpg'),
        ('s3/bucket/3.jpg', '3.jpg'),
        ('1.jpg', 'may be any of'),
        ('../../etc/passwd', 'no such image'),
    ],
)
def test_images_are_found_by_the_end_of_their_path(tmp_path, name, found):
    names = ('train/1.jpg', 'val/1.jpg', 'train/2.jpg', '3.jpg')
    finder = Finder(tmp_path, [tmp_path / name for name in names])
    if '.jpg' in found:
        assert finder(name) == tmp_path / found
    else:
        with pytest.raises((FileNotFoundError, ValueError), match=found):
            finder(name)
