"""Put the pictures of runs into a page."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from .run import Picture, Run

KINDS = {
    'pseudo': (
        'Pseudo-labels while they teach',
        'The same unlabeled images again and again, as the network teaches itself '
        'with them. Kept is what the method learns from.',
    ),
    'val': (
        'Validation',
        'The same validation images again and again: what the network predicts.',
    ),
}
QUALITY = 82


def albums(
    runs: Sequence[Run], images: int = 4, times: int = 8, width: int = 1280
) -> list[dict[str, Any]]:
    """Return the pictures of all runs, by what they show.

    Runs that show the same images stand side by side.

    Args:
        runs (Sequence[Run]): The runs.
        images (int): At most so many of a kind and run.  Defaults to 4.
        times (int): At most so many times, evenly spread, the first and the
            last among them.  Defaults to 8.
        width (int): Pictures are at most so wide, in pixels.  Defaults to 1280.

    Returns:
        list[dict]: ``title``, ``note``, ``unit``, ``times``, ``alone`` (each image
        is of one run), and ``images``, with the ``pictures`` of every run, whose
        ``shots`` have ``time`` and ``src``.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        for (kind, image), shots in _by_image(run.pictures, images).items():
            by_step = kind == 'pseudo' or not run.by_epoch
            unit = 'step' if by_step else 'epoch'
            title, note = KINDS.get(kind, (kind, ''))
            album = found.setdefault(
                (kind, unit), dict(title=title, note=note, unit=unit, images={})
            )
            album['images'].setdefault(image, []).append(
                dict(
                    run=run.name if len(runs) > 1 else '',
                    shots=[
                        dict(time=p.time, src=embedded(p.file, width))
                        for p in spread(shots, times)
                    ],
                )
            )
    for album in found.values():
        album['images'] = [
            dict(name=name, pictures=pictures)
            for name, pictures in sorted(album['images'].items())
        ]
        # No image of several runs: nothing stands side by side.
        album['alone'] = all(len(each['pictures']) == 1 for each in album['images'])
        album['times'] = sorted(
            {
                shot['time']
                for image in album['images']
                for picture in image['pictures']
                for shot in picture['shots']
            }
        )
    order = list(KINDS)
    return [
        found[key]
        for key in sorted(
            found, key=lambda k: (order.index(k[0]) if k[0] in order else 9, k)
        )
    ]


def _by_image(
    pictures: Sequence[Picture], most: int
) -> dict[tuple[str, str], list[Picture]]:
    found: dict[tuple[str, str], list[Picture]] = {}
    kinds: dict[str, set[str]] = {}
    for picture in pictures:
        known = kinds.setdefault(picture.kind, set())
        if picture.image in known or len(known) < most:
            known.add(picture.image)
            found.setdefault((picture.kind, picture.image), []).append(picture)
    return found


def spread(items: Sequence, most: int) -> list:
    """Return at most so many items, evenly spread, with the first and the last."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[-1]]
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def embedded(file: str | Path, width: int) -> str:
    """Return an address that holds a picture, at most so wide."""
    with Image.open(file) as image:
        image = image.convert('RGB')
        if image.width > width:
            height = round(image.height * width / image.width)
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        content = io.BytesIO()
        image.save(content, 'WEBP', quality=QUALITY)
    return data_address(content.getvalue(), 'image/webp')


def data_address(content: bytes, kind: str) -> str:
    """Return an address that holds its content."""
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'
