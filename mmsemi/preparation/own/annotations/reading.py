"""Find out which program wrote an annotation file, and read it."""

import json
from pathlib import Path
from typing import Any

from .coco import read_coco
from .cvat import parse_xml, read_cvat
from .label_studio import read_label_studio
from .labelme import read_labelme
from .regions import Annotations

KINDS = 'COCO JSON, LabelMe JSON, "CVAT for images" XML or Label Studio JSON'


def read_annotations(path: Path) -> Annotations:
    """Read an annotation file, or all below a folder.

    Args:
        path (Path): JSON of COCO, LabelMe or Label Studio, XML of CVAT for
            images, or a folder of such files.

    Raises:
        FileNotFoundError: There is no such file, or none in the folder.
        ValueError: A file is damaged, or of another kind.
    """
    if path.is_dir():
        files = [
            file
            for file in sorted(path.rglob('*'))
            if file.suffix.lower() in ('.json', '.xml')
            and not any(p.startswith('.') for p in file.relative_to(path).parts)
        ]
        folder = path
    else:
        files, folder = [path], path.parent
    if not files or not files[0].is_file():
        raise FileNotFoundError(
            f'There is no annotation file {path if not path.is_dir() else f"in {path}"}'
            f'. It should be {KINDS}.'
        )
    read = [_read(file, folder) for file in files]
    labels = dict.fromkeys(label for part in read for label in part.labels)
    return Annotations(
        [image for part in read for image in part.images],
        list(labels),
        [line for part in read for line in part.unusable],
    )


def _read(file: Path, folder: Path) -> Annotations:
    content = file.read_bytes()
    try:
        if content.lstrip(b'\xef\xbb\xbf \t\r\n').startswith(b'<'):
            return _read_xml(content, file)
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'it is no JSON ({error})') from error
        return _read_json(parsed, file, folder)
    except ValueError as error:
        raise ValueError(f'{file} cannot be read: {error}. Give {KINDS}.') from error
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f'{file} cannot be read: it is damaged ({error!r}). Export it again.'
        ) from error


def _read_xml(content: bytes, file: Path) -> Annotations:
    root = parse_xml(content)
    if root.tag != 'annotations':
        raise ValueError(
            f'its root is <{root.tag}>, not <annotations>'
            + ': Pascal VOC has boxes alone' * (root.tag == 'annotation')
        )
    return read_cvat(root, file)


def _read_json(parsed: Any, file: Path, folder: Path) -> Annotations:
    if isinstance(parsed, dict):
        if 'shapes' in parsed:
            local = file.parent.relative_to(folder).as_posix()
            return read_labelme(parsed, file, local)
        if 'images' in parsed and 'annotations' in parsed:
            if any('segments_info' in a for a in parsed['annotations'][:1]):
                raise ValueError('it is panoptic COCO, whose masks are PNG files')
            return read_coco(parsed, file)
        if 'task' in parsed and 'result' in parsed:  # a file per annotation
            task = dict(parsed['task'], annotations=[parsed])
            return read_label_studio([task], file)
        keys = list(parsed)[:5]
        raise ValueError(f'it holds {", ".join(keys) or "nothing"}')
    if isinstance(parsed, list) and parsed and all(_is_task(p) for p in parsed):
        return read_label_studio(parsed, file)
    raise ValueError(
        'it is a list, but not of Label Studio\'s tasks: export as "JSON", not as '
        '"JSON-MIN"'
    )


def _is_task(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get('data'), dict)
