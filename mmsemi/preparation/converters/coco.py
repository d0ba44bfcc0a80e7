"""Make COCO masks, background and the 80 things, from either annotation."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mmsemi.utils.files import write_whole

from .coco_regions import polygon_mask, run_length_mask
from .writing import MaskJob, write_masks

# COCO numbers its things 1 to 90, but has no things with these numbers.
UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
CLASSES = {
    category: label
    for label, category in enumerate((i for i in range(1, 91) if i not in UNUSED), 1)
}


class Scene(NamedTuple):
    """An image of ``instances_*.json``, with its annotations."""

    name: str
    height: int
    width: int
    things: list[dict]


class Panorama(NamedTuple):
    """An image of ``panoptic_*.json``, with the class of each segment id."""

    file: Path
    height: int
    width: int
    labels: dict[int, int]


def convert_coco(
    data_root: str | Path, source: str = 'instances', workers: int = 1
) -> int:
    """Write ``masks/ID.png`` for every image of ``train2017`` and ``val2017``.

    0 is background, 1..80 are the things in the order of their numbers.
    ``instances`` overlap: smaller ones cover larger ones. ``panoptic``
    segments do not; stuff and unannotated pixels are background. In both, a
    crowd has the class of its things.

    Args:
        data_root (str or Path): Holds ``annotations/SOURCE_PART.json`` and,
            for ``panoptic``, the folders ``annotations/panoptic_PART/``.
        source (str): ``instances`` or ``panoptic``.
        workers (int): Number of processes.

    Returns:
        int: Number of masks written.

    Raises:
        FileNotFoundError: There are no such annotations.
        ValueError: Annotations are damaged, or ``masks`` holds masks that
            were made from the other source.
    """
    data_root = Path(data_root)
    files = {
        part: data_root / f'annotations/{source}_{part}.json'
        for part in ('train2017', 'val2017')
    }
    for file in files.values():
        if not file.is_file():
            raise FileNotFoundError(
                f'There is no {file}. Unpack '
                f'{"panoptic_" if source == "panoptic" else ""}'
                'annotations_trainval2017.zip in the data root.'
            )
    _claim(data_root / 'masks', source)
    written = 0
    for part, file in files.items():
        images = read_instances(file) if source == 'instances' else read_panoptic(file)
        make = paint_scene if source == 'instances' else map_panorama
        jobs = [
            MaskJob(data_root / 'masks' / f'{stem}.png', image)
            for stem, image in images.items()
        ]
        written += write_masks(make, jobs, f'COCO {part} masks', workers)
    return written


def _claim(masks: Path, source: str) -> None:
    """Note the source in the folder, and refuse a folder made from the other."""
    marker = masks / 'source.txt'
    if not marker.is_file():
        write_whole(marker, f'{source}\n'.encode())
    elif marker.read_text().strip() != source:
        raise ValueError(
            f'{masks} holds masks made from {marker.read_text().strip()} '
            f'annotations. Move or delete it to make them from {source}.'
        )


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name the file in the errors that damaged annotations cause."""
    try:
        yield
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f'{file} is no COCO annotation file ({error!r}); unpack it again.'
        ) from error


def read_instances(file: Path) -> dict[str, Scene]:
    """Read the images of ``instances_*.json``, keyed by the stem of their file.

    Raises:
        ValueError: The file is damaged, or names other categories than
            COCO's.
    """
    things = defaultdict(list)
    with _naming(file):
        content = json.loads(file.read_bytes())
        for thing in content['annotations']:
            if thing['category_id'] not in CLASSES:
                raise ValueError(
                    f'{file} names category {thing["category_id"]}, which is '
                    "not one of COCO's 80 things; unpack it again."
                )
            things[thing['image_id']].append(thing)
        return {
            Path(image['file_name']).stem: Scene(
                image['file_name'], image['height'], image['width'], things[image['id']]
            )
            for image in content['images']
        }


def paint_scene(scene: Scene) -> np.ndarray:
    """Paint the mask of an image, (H, W) uint8, larger things first.

    Raises:
        ValueError: A region is damaged.
    """
    size = scene.height, scene.width
    regions = []
    for thing in scene.things:
        try:
            shape = thing['segmentation']
            if isinstance(shape, dict):
                region = run_length_mask(shape['counts'], *size)
            else:
                region = np.zeros(size, bool)
                for polygon in shape:
                    region |= polygon_mask(polygon, *size)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{scene.name}, annotation {thing["id"]}: {error}. Unpack the '
                'annotations again.'
            ) from error
        regions.append((CLASSES[thing['category_id']], region))
    mask = np.zeros(size, np.uint8)
    for label, region in sorted(regions, key=lambda r: -r[1].sum()):
        mask[region] = label
    return mask


def read_panoptic(file: Path) -> dict[str, Panorama]:
    """Read the images of ``panoptic_*.json``, keyed by the stem of their file.

    Raises:
        ValueError: The file is damaged.
    """
    panoramas = {}
    with _naming(file):
        content = json.loads(file.read_bytes())
        images = {image['id']: image for image in content['images']}
        for annotation in content['annotations']:
            name = Path(annotation['file_name'])
            image = images[annotation['image_id']]
            labels = {
                segment['id']: CLASSES.get(segment['category_id'], 0)
                for segment in annotation['segments_info']
            }
            panoramas[name.stem] = Panorama(
                file.with_suffix('') / name.name,
                image['height'],
                image['width'],
                labels,
            )
    return panoramas


def map_panorama(panorama: Panorama) -> np.ndarray:
    """Map the segments of an image to their classes, (H, W) uint8.

    Raises:
        FileNotFoundError: The file with its segments is missing.
        ValueError: It cannot be read, has another size, or holds segments
            that the annotations do not name.
    """
    if not panorama.file.is_file():
        raise FileNotFoundError(
            f'There is no {panorama.file}; unpack '
            f'{panorama.file.parent.name}.zip beside it.'
        )
    colors = cv2.imread(str(panorama.file), cv2.IMREAD_COLOR)
    if colors is None or colors.shape[:2] != panorama[1:3]:
        raise ValueError(
            f'{panorama.file} is '
            f'{"damaged" if colors is None else colors.shape[:2]}, expected '
            f'an image of {panorama[1:3]} (height, width); unpack it again.'
        )
    segments = colors.astype(np.int64) @ (1 << 16, 1 << 8, 1)  # from B, G, R
    ids, places = np.unique(segments, return_inverse=True)
    unknown = set(ids.tolist()) - {0, *panorama.labels}
    if unknown:
        raise ValueError(
            f'{panorama.file} holds segments {sorted(unknown)}, '
            'which its annotations do not name; unpack both again.'
        )
    labels = [panorama.labels.get(i, 0) for i in ids.tolist()]
    return np.array(labels, np.uint8)[places].reshape(segments.shape)
