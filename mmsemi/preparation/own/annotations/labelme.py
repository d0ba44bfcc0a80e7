"""Read LabelMe JSON: one file per image."""

import posixpath
from functools import partial
from pathlib import Path

import numpy as np

from .regions import (
    Annotated,
    Annotations,
    Reader,
    as_points,
    as_size,
    box_corners,
    ellipse,
    png_box,
    polygons,
)


def read_labelme(content: dict, file: Path, folder: str = '') -> Annotations:
    """Read the shapes of a LabelMe file; ``imageData`` is not used.

    Args:
        content (dict): With ``shapes`` and ``imagePath``.
        file (Path): For messages.
        folder (str): Path of the file's folder in the folder that is read.

    Raises:
        KeyError, TypeError: It is damaged.
    """
    reader = Reader(file)
    regions = []
    for i, shape in enumerate(content['shapes'], 1):
        name = f'shape {i} ({shape.get("label")})'
        regions += reader.region(name, shape.get('label'), partial(_drawing, shape))
    size = as_size(content.get('imageHeight'), content.get('imageWidth'))
    path = str(content.get('imagePath') or f'{file.stem}.').replace('\\', '/')
    name = posixpath.normpath(posixpath.join(folder, path))
    return Annotations([Annotated(name, size, regions, file)], [], reader.unusable)


def _drawing(shape: dict) -> partial:
    kind = shape.get('shape_type') or 'polygon'
    points = as_points(shape['points'])
    if kind == 'rectangle' and len(points) == 2:
        (left, top), (right, bottom) = points
        corners = box_corners(left, top, right, bottom, 0, (0, 0))
        return partial(polygons, [corners])
    if kind in ('polygon', 'rectangle', 'rotation', 'oriented_rectangle'):
        return partial(polygons, [points])
    if kind == 'circle':
        radius = float(np.linalg.norm(points[1] - points[0]))
        if not radius:
            raise ValueError('its radius is 0')
        return partial(ellipse, points[0].tolist(), (radius, radius), 0)
    if kind == 'mask':
        left, top = np.floor(points.min(0)).astype(int).tolist()
        return partial(png_box, shape['mask'], left, top)
    raise ValueError(f'a {kind!r} has no area')
