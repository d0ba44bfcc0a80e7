"""Read JSON of Label Studio: polygons, boxes, ellipses and brush strokes."""

import re
from functools import partial
from pathlib import Path, PurePath
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from mmsemi.utils.images import SUFFIXES

from .regions import (
    Annotated,
    Annotations,
    Reader,
    as_points,
    as_size,
    box_corners,
    brush,
    ellipse,
    polygons,
)

UPLOAD = re.compile(r'^[0-9a-f]{8}-')  # put before the names of uploaded files


def read_label_studio(tasks: list[dict], file: Path) -> Annotations:
    """Read the regions of Label Studio's tasks, in their order.

    Args:
        tasks (list[dict]): With ``data`` and ``annotations``. Predictions, and
            annotations that were skipped, are not used.
        file (Path): For messages.

    Raises:
        KeyError, TypeError: It is damaged.
    """
    reader = Reader(file)
    images = []
    for i, task in enumerate(tasks, 1):
        name = f'task {task.get("id", f"number {i}")}'
        image = _image_name(task['data'])
        done = [
            annotation
            for annotation in task.get('annotations') or task.get('completions') or []
            if not annotation.get('was_cancelled')
        ]
        done = [a for a in done if a.get('ground_truth')] or done
        if image is None:
            reader.refuse(name, f'no value of its `data` is an image: {task["data"]}')
        elif len(done) > 1:
            reader.refuse(
                name,
                f'{len(done)} people annotated it; mark one annotation as ground truth',
            )
        else:
            results = done[0]['result'] if done else []
            images.append(_annotated(image, results, name, reader))
    return Annotations(images, [], reader.unusable)


def _annotated(image: str, results: list[dict], task: str, reader: Reader) -> Annotated:
    size, values = None, {}
    for i, result in enumerate(results):
        size = as_size(result.get('original_height'), result.get('original_width'))
        key = result.get('id', i)
        kind, value = values.get(key, (result.get('type'), {}))
        turned = {'rotated': result.get('image_rotation')}
        values[key] = kind, {**value, **turned, **(result.get('value') or {})}
    regions = []
    for key, (kind, value) in values.items():
        names = [value[k] for k in value if k.endswith('labels') and value[k]]
        labels = names[0] if names else [None]
        name = f'{task}, region {key}'
        if len(labels) > 1:
            reader.refuse(name, f'it has several labels: {", ".join(labels)}')
        else:
            draw = partial(_drawing, kind, value, size)
            regions += reader.region(name, labels[0], draw)
    return Annotated(image, size, regions, reader.file)


def _image_name(data: dict) -> str | None:
    """Return the path of a task's image, without Label Studio's prefixes."""
    for value in data.values():
        if not isinstance(value, str):
            continue
        address = urlsplit(value)
        local = parse_qs(address.query).get('d')
        path = local[0] if local else unquote(address.path)
        if PurePath(path).suffix.lower() in SUFFIXES:
            folder, _, name = path.replace('\\', '/').rpartition('/')
            return f'{folder}/{UPLOAD.sub("", name)}'.lstrip('/')
    return None


def _drawing(kind: str, value: dict, size: tuple[int, int] | None) -> partial:
    if value.get('rotated'):
        raise ValueError('its image is turned in Label Studio; turn it back')
    if 'rle' in value:
        return partial(brush, value['rle'])
    if size is None:
        raise ValueError('it has no `original_width` and `original_height`')
    scale = np.array([size[1], size[0]]) / 100  # from percent
    degrees = float(value.get('rotation') or 0)
    if 'points' in value:
        return partial(polygons, [as_points(value['points']) * scale])
    if 'radiusX' in value:
        centre = as_points([value['x'], value['y']])[0] * scale
        radii = as_points([value['radiusX'], value['radiusY']])[0] * scale
        if not radii.all():
            raise ValueError('its radius is 0')
        return partial(ellipse, centre.tolist(), radii.tolist(), degrees)
    if 'width' in value and 'height' in value:
        left, top = as_points([value['x'], value['y']])[0] * scale
        width, height = as_points([value['width'], value['height']])[0] * scale
        box = left, top, left + width, top + height
        return partial(polygons, [box_corners(*box, degrees, (left, top))])
    raise ValueError(f'a {kind!r} has no area')
