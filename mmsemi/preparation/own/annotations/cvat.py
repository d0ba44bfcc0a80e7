"""Read XML of "CVAT for images": polygons, boxes, ellipses and masks."""

from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from .regions import (
    Annotated,
    Annotations,
    Reader,
    as_points,
    as_size,
    box_corners,
    ellipse,
    polygons,
    row_runs,
)


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuse documents that declare entities, which may expand without limit."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError('it has a DOCTYPE, which no file of CVAT has')


def parse_xml(content: bytes) -> ElementTree.Element:
    """Parse XML without entities of its own.

    Raises:
        ValueError: It is no XML, or has a DOCTYPE.
    """
    try:
        parser = ElementTree.XMLParser(target=_NoDoctype())
        return ElementTree.fromstring(content, parser)
    except ElementTree.ParseError as error:
        raise ValueError(f'it is no XML ({error})') from error


def read_cvat(root: ElementTree.Element, file: Path) -> Annotations:
    """Read the shapes of a CVAT file; higher ``z_order`` covers lower.

    Args:
        root (Element): ``<annotations>``.
        file (Path): For messages.

    Raises:
        KeyError, ValueError: It is damaged.
    """
    reader = Reader(file)
    images = []
    for image in root.iter('image'):
        shapes = []
        for i, shape in enumerate(image, 1):
            label = shape.get('label')
            name = f'image {image.get("name")}, {shape.tag} {i} ({label})'
            regions = reader.region(name, label, partial(_drawing, shape))
            shapes += [(_order(shape), region) for region in regions]
        shapes.sort(key=lambda pair: pair[0])
        size = as_size(image.get('height'), image.get('width'))
        regions = [region for _, region in shapes]
        images.append(Annotated(image.attrib['name'], size, regions, file))
    for track in root.iter('track'):
        reader.refuse(
            f'track {track.get("id")} ({track.get("label")})',
            'it is part of a video; export the task as "CVAT for images"',
        )
    labels = [label.text or '' for label in root.iterfind('.//labels/label/name')]
    return Annotations(images, labels, reader.unusable)


def _order(shape: ElementTree.Element) -> int:
    try:
        return int(shape.get('z_order') or 0)
    except ValueError:
        return 0


def _drawing(shape: ElementTree.Element) -> partial:
    def numbers(*names: str) -> list[float]:
        return as_points([float(shape.attrib[name]) for name in names]).ravel().tolist()

    degrees = float(shape.get('rotation') or 0)
    if shape.tag == 'polygon':
        points = [point.split(',') for point in shape.attrib['points'].split(';')]
        return partial(polygons, [as_points(points)])
    if shape.tag == 'box':
        left, top, right, bottom = numbers('xtl', 'ytl', 'xbr', 'ybr')
        centre = (left + right) / 2, (top + bottom) / 2
        corners = box_corners(left, top, right, bottom, degrees, centre)
        return partial(polygons, [corners])
    if shape.tag == 'ellipse':
        cx, cy, rx, ry = numbers('cx', 'cy', 'rx', 'ry')
        if not rx or not ry:
            raise ValueError('its radius is 0')
        return partial(ellipse, (cx, cy), (rx, ry), degrees)
    if shape.tag == 'mask':
        counts = [int(count) for count in shape.attrib['rle'].split(',')]
        left, top, width, height = numbers('left', 'top', 'width', 'height')
        return partial(row_runs, counts, (int(left), int(top), int(width), int(height)))
    raise ValueError(f'a {shape.tag!r} has no area')
