"""Read COCO JSON: categories, images, polygons and run lengths."""

from collections import defaultdict
from functools import partial
from pathlib import Path

from .regions import (
    Annotated,
    Annotations,
    Reader,
    as_points,
    as_size,
    column_runs,
    polygons,
)


def read_coco(content: dict, file: Path) -> Annotations:
    """Read the regions of a COCO file, in its order.

    Args:
        content (dict): With ``images``, ``annotations`` and ``categories``.
        file (Path): For messages.

    Raises:
        KeyError, TypeError: Images or categories are damaged.
    """
    reader = Reader(file)
    categories = {c['id']: str(c['name']) for c in content.get('categories', [])}
    images = {image['id']: image for image in content['images']}
    regions = defaultdict(list)
    for i, annotation in enumerate(content['annotations']):
        name = f'annotation {annotation.get("id", f"number {i}")}'
        image = annotation.get('image_id')
        category = annotation.get('category_id')
        if image not in images:
            reader.refuse(name, f'there is no image with the id {image}')
        elif category not in categories:
            reader.refuse(name, f'its category {category} has no name')
        else:
            regions[image] += reader.region(
                name, categories[category], partial(_drawing, annotation)
            )
    return Annotations(
        [
            Annotated(
                str(image['file_name']),
                as_size(image.get('height'), image.get('width')),
                regions[key],
                file,
            )
            for key, image in images.items()
        ],
        [categories[key] for key in sorted(categories)],
        reader.unusable,
    )


def _drawing(annotation: dict) -> partial:
    shape = annotation.get('segmentation')
    if not shape:
        raise ValueError('it is a box or a caption, without a `segmentation`')
    if isinstance(shape, dict):
        size = as_size(*shape.get('size') or (None, None))
        return partial(column_runs, shape['counts'], size)
    if not isinstance(shape[0], list):
        shape = [shape]  # a single polygon instead of a list
    return partial(polygons, [as_points(part) for part in shape])
