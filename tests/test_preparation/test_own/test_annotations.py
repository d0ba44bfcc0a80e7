"""Every kind of annotation file gives the pixels that its program showed."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from mmsemi.preparation.own.annotations import read_annotations
from mmsemi.preparation.own.annotations.regions import brush, ellipse, row_runs

H, W = 6, 8
SQUARE = np.zeros((H, W), bool)
SQUARE[1:4, 2:7] = True  # x 2..7, y 1..4
CORNERS = [[2, 1], [7, 1], [7, 4], [2, 4]]
FLAT = [x for corner in CORNERS for x in corner]


def runs(mask):
    """COCO's uncompressed run lengths of a mask."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    return [0, *counts] if flat[0] else counts


def pack(mask):
    """Label Studio's code of a mask: a run of equal values or of single ones."""
    rgba = np.repeat(np.where(mask, 255, 0).ravel(), 4)
    bits = f'{rgba.size:032b}{7:05b}' + ''.join(f'{n - 1:04b}' for n in (3, 4, 8, 16))
    edges = [0, *(np.flatnonzero(np.diff(rgba)) + 1), rgba.size]
    for i, (start, end) in enumerate(zip(edges, edges[1:], strict=False)):
        if i % 2:  # as single values, counted by 16 bits
            bits += f'0{3:02b}{end - start - 1:016b}'
            bits += ''.join(f'{value:08b}' for value in rgba[start:end])
        else:
            bits += f'1{2:02b}{end - start - 1:08b}{rgba[start]:08b}'
    bits += '0' * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def coco(segmentation, **more):
    return dict(
        images=[dict(id=5, file_name='a/1.jpg', height=H, width=W)],
        categories=[dict(id=3, name='car'), dict(id=1, name='road')],
        annotations=[dict(id=9, image_id=5, category_id=3, segmentation=segmentation)],
        **more,
    )


def labelme(kind, points, **more):
    shape = dict(label='car', shape_type=kind, points=points, **more)
    return dict(
        shapes=[shape], imagePath='1.jpg', imageHeight=H, imageWidth=W, imageData='x'
    )


def png(mask):
    content = io.BytesIO()
    Image.fromarray(mask).save(content, 'PNG')
    return base64.b64encode(content.getvalue()).decode()


def studio(kind, **value):
    result = dict(id='r1', type=kind, original_width=W, original_height=H, value=value)
    if kind != 'polygon':
        value[kind] = ['car']
    data = dict(image='/data/upload/3/0123abcd-1.jpg')
    return [dict(id=7, data=data, annotations=[dict(result=[result])])]


def cvat(shape):
    return (
        '<?xml version="1.0"?><annotations><version>1.1</version><meta><task><labels>'
        '<label><name>road</name></label><label><name>car</name></label></labels>'
        f'</task></meta><image id="0" name="a/1.jpg" width="{W}" height="{H}">{shape}'
        '</image></annotations>'
    )


PERCENT = [[100 * x / W, 100 * y / H] for x, y in CORNERS]
BOX = dict(x=25, y=100 / 6, width=62.5, height=50)
POINTS = ';'.join(f'{x}.0,{y}.0' for x, y in CORNERS)
FILES = dict(
    coco_polygon=coco([FLAT]),
    coco_single_polygon=coco(FLAT),
    coco_parts=coco([[2, 1, 7, 1, 7, 2, 2, 2], [2, 2, 7, 2, 7, 4, 2, 4]]),
    coco_runs=coco(dict(size=[H, W], counts=runs(SQUARE))),
    # 13 3 3 3 3 3 3 3 3 3 8 as COCO's text: from the fourth on, differences.
    coco_text=coco(dict(size=[H, W], counts='=3300000005')),
    labelme_polygon=labelme('polygon', CORNERS),
    labelme_old=labelme(None, CORNERS),
    labelme_rectangle=labelme('rectangle', [[7, 4], [2, 1]]),
    labelme_rectangle_of_four=labelme('rectangle', CORNERS),
    labelme_mask=labelme('mask', [[2, 1], [6, 3]], mask=png(SQUARE[1:4, 2:7])),
    cvat_polygon=cvat(f'<polygon label="car" points="{POINTS}" z_order="0"/>'),
    cvat_box=cvat('<box label="car" xtl="2" ytl="1" xbr="7" ybr="4"/>'),
    cvat_turned_box=cvat(
        '<box label="car" xtl="3" ytl="0" xbr="6" ybr="5" rotation="90.0"/>'
    ),
    cvat_mask=cvat(
        '<mask label="car" rle="1, 5, 1, 5, 1, 5" left="1" top="1" width="6" '
        'height="3"/>'
    ),
    studio_polygon=studio('polygonlabels', points=PERCENT),
    studio_box=studio('rectanglelabels', rotation=0, **BOX),
    studio_brush=studio('brushlabels', format='rle', rle=pack(SQUARE)),
    studio_labels_apart=studio('polygon', points=PERCENT, labels=['car']),
)


def write(path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)
    return path


@pytest.mark.parametrize('name', FILES)
def test_every_kind_marks_the_same_pixels(tmp_path, name):
    read = read_annotations(write(tmp_path / '1.any', FILES[name]))
    assert not read.unusable
    (image,) = read.images
    (region,) = image.regions
    assert image.name.endswith('1.jpg') and '0123abcd' not in image.name
    assert region.label == 'car' and image.size in ((H, W), None)
    np.testing.assert_array_equal(region.draw(height=H, width=W), SQUARE)


def test_run_lengths_agree_with_pycocotools(tmp_path):
    """And so do polygons, but for the pixels on their outline."""
    reference = pytest.importorskip('pycocotools.mask')
    rng = np.random.default_rng(0)
    mask = rng.random((37, 53)) < 0.3
    mask[5:30, 10:40] = True
    code = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
    code['counts'] = code['counts'].decode()
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    polygon = np.stack([30 + 14 * np.cos(angles), 18 + 12 * np.sin(angles)], 1).ravel()
    content = coco(code)
    content['images'][0].update(height=37, width=53)
    content['annotations'] += coco([polygon.tolist()])['annotations']
    (image,) = read_annotations(write(tmp_path / 'a.json', content)).images
    runs, drawn = (region.draw(height=37, width=53) for region in image.regions)
    np.testing.assert_array_equal(runs, mask)
    (theirs,) = np.moveaxis(
        reference.decode(reference.frPyObjects([polygon.tolist()], 37, 53)), -1, 0
    )
    assert drawn.sum() > 250 and (drawn != theirs).sum() < 0.06 * drawn.sum()


def test_circles_and_ellipses(tmp_path):
    circle = labelme('circle', [[4, 3], [4, 5.2]])
    (image,) = read_annotations(write(tmp_path / 'a.json', circle)).images
    disc = image.regions[0].draw(height=H, width=W)
    rows, columns = np.mgrid[:H, :W] + 0.5
    np.testing.assert_array_equal(disc, np.hypot(rows - 3, columns - 4) <= 2.2)
    flat = ellipse((4, 3), (4, 1), 0, H, W)
    assert flat[2:4].sum() == flat.sum() == 12
    # A quarter turn exchanges the radii.
    np.testing.assert_array_equal(
        ellipse((4, 3), (4, 1), 90, H, W), ellipse((4, 3), (1, 4), 0, H, W)
    )


def test_higher_z_order_is_drawn_later(tmp_path):
    shapes = ''.join(
        f'<box label="{name}" xtl="0" ytl="0" xbr="3" ybr="3" z_order="{z}"/>'
        for name, z in (('top', 2), ('low', -1), ('low2', -1), ('middle', 0))
    )
    read = read_annotations(write(tmp_path / 'a.xml', cvat(shapes)))
    names = [region.label for region in read.images[0].regions]
    assert names == ['low', 'low2', 'middle', 'top']
    assert read.labels == ['road', 'car']


def test_a_folder_of_files(tmp_path):
    (tmp_path / 'b').mkdir()
    write(tmp_path / 'b/1.json', dict(labelme('polygon', CORNERS), imagePath='1.jpg'))
    path = '..\\..\\photos\\c\\2.jpg'
    write(tmp_path / 'b/2.JSON', dict(labelme('polygon', CORNERS), imagePath=path))
    write(tmp_path / 'z.xml', cvat(''))
    read = read_annotations(tmp_path)
    assert [image.name for image in read.images] == [
        'b/1.jpg',
        '../photos/c/2.jpg',
        'a/1.jpg',
    ]


def unusable_coco():
    content = coco([])
    content['annotations'] += [
        dict(id=10, image_id=6, category_id=3, segmentation=[FLAT]),
        dict(id=11, image_id=5, category_id=4, segmentation=[FLAT]),
        dict(id=12, image_id=5, category_id=3, segmentation=[['x', 1]]),
        dict(id=13, image_id=5, category_id=3, segmentation=dict(size=[H, W])),
        dict(id=14, image_id=5, category_id=3, segmentation=[[1, 2, float('nan'), 4]]),
    ]
    return content


TASK = studio('polygonlabels', points=PERCENT)[0]
UNUSABLE = [
    (unusable_coco(), 'annotation 9: it is a box or a caption'),
    (unusable_coco(), 'annotation 10: there is no image with the id 6'),
    (unusable_coco(), 'annotation 11: its category 4 has no name'),
    (unusable_coco(), 'annotation 12: could not convert'),
    (unusable_coco(), "annotation 13: it has no 'counts'"),
    (unusable_coco(), 'annotation 14: its points are no pairs of finite numbers'),
    (labelme('linestrip', CORNERS), r"shape 1 \(car\): a 'linestrip' has no area"),
    (labelme('circle', [[1, 1], [1, 1]]), 'its radius is 0'),
    (cvat('<polyline label="car" points="1,2;3,4"/>'), "a 'polyline' has no area"),
    (cvat('<tag label="night"/>'), r'tag 1 \(night\)'),
    (cvat('<box xtl="2" ytl="1" xbr="7" ybr="4"/>'), 'it has no label'),
    (cvat('<polygon label="car"/>'), "it has no 'points'"),
    (cvat('').replace('<image', '<track id="3" label="car"/><image'), 'of a video'),
    (studio('choices'), "a 'choices' has no area"),
    ([dict(TASK, annotations=TASK['annotations'] * 2)], '2 people annotated it'),
    ([dict(TASK, data=dict(text='a'))], 'no value of its `data` is an image'),
]


@pytest.mark.parametrize('content, said', UNUSABLE)
def test_what_cannot_be_used_is_named(tmp_path, content, said):
    file = write(tmp_path / 'a.json', content)
    lines = read_annotations(file).unusable
    assert any(line.startswith(str(file)) for line in lines)
    assert any(re.search(said, line) for line in lines), lines


def test_skipped_annotations_and_ground_truth_of_label_studio(tmp_path):
    (done,) = TASK['annotations']
    empty = dict(result=[])
    for annotations, count in (
        ([dict(empty, was_cancelled=True), done], 1),
        ([empty, dict(done, ground_truth=True)], 1),
        ([], 0),
    ):
        content = [dict(TASK, annotations=annotations)]
        read = read_annotations(write(tmp_path / 'a.json', content))
        assert not read.unusable and len(read.images[0].regions) == count


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb">]><annotations>&b;</annotations>'


@pytest.mark.parametrize(
    'content, said',
    [
        (BOMB, 'DOCTYPE'),
        ('<annotation/>', 'Pascal VOC has boxes alone'),
        ('<annotations><image>', 'it is no XML'),
        ('{"a": 1', 'it is no JSON'),
        ('[' * 100000, 'it is no JSON'),
        ('{"regions": {}}', 'it holds regions'),
        ([dict(image='a.jpg', label=[])], 'not as "JSON-MIN"'),
        (dict(images=[dict(id=1)], annotations=[]), 'it is damaged'),
        (dict(images=[], annotations=[dict(segments_info=[])]), 'panoptic'),
        ('', 'it is no JSON'),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    file = write(tmp_path / 'a.json', content)
    with pytest.raises(ValueError, match=said) as error:
        read_annotations(file)
    assert str(file) in str(error.value)


def test_no_files(tmp_path):
    for path in (tmp_path, tmp_path / 'a.json'):
        with pytest.raises(FileNotFoundError, match='There is no annotation file'):
            read_annotations(path)


def test_damaged_codes():
    code = pack(SQUARE)
    with pytest.raises(ValueError, match='cut off'):
        brush(code[:-3], H, W)
    with pytest.raises(ValueError, match='for 48 pixels'):
        brush(code, H, W + 1)
    with pytest.raises(ValueError, match='5 pixels'):
        row_runs([2, 3], (0, 0, 2, 3), H, W)
    part = row_runs([0, 6], (-1, 4, 2, 3), H, W)  # partly outside the image
    assert part.sum() == 2 and part[4:, 0].all()
