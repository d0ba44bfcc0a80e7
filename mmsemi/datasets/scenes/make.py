"""Make the built-in data set: small painted scenes, on first use.

The colours of its eight classes overlap on purpose (snow and cloud, soil and
brick, water that reflects a forest). Weather, season, kind, material and white
balance vary independently, so a few labels show only part of the variety of a
class, and the unlabeled images show all of it.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmsemi.registry import FUNCTIONS
from mmsemi.utils.files import data_folder
from mmsemi.utils.progress import progress_bar

from .canvas import Dice
from .classes import SCENES_CLASSES, SCENES_PALETTE
from .render import render_scene

# Increase it with every change of a pixel, a mask or a list.
VERSION = 2
MARKER = 'scenes.json'
LABELED = {'1_32': 32, '1_16': 16, '1_8': 8, '1_4': 4}


@FUNCTIONS.register_module()
def ensure_scenes(
    root: str | Path | None = None,
    seed: int = 0,
    num_train: int = 320,
    num_val: int = 80,
    size: tuple[int, int] = (128, 96),
) -> Path:
    """Make the built-in data set unless it exists.

    The same arguments give the same pixels, masks and lists on every
    machine. The root holds::

        images/{train,val}/0001.png    RGB
        labels/{train,val}/0001.png    paletted, 0..7, no ignored pixels
        splits/{train,val}.txt         IMAGE MASK per line
        splits/1_{32,16,8,4}.txt       the labeled parts of train

    A labeled list shows every class and contains the smaller lists.

    The set is made in a temporary folder beside the root, which is then
    renamed, so it is complete or absent, also when several processes make it
    at once.

    Args:
        root (str | Path, optional): Folder of the set. Defaults to
            ``scenes`` in :func:`data_folder`.
        seed (int): Identifies the set, at least 0. Defaults to 0.
        num_train (int): Number of training images. Defaults to 320.
        num_val (int): Number of validation images. Defaults to 80.
        size (tuple[int, int]): Width and height in pixels, at least 32, as the
            marker and ``--size`` have it. Defaults to (128, 96).

    Returns:
        Path: The root.

    Raises:
        FileExistsError: The root holds something else, which is left
            unchanged.
        ValueError: An argument is out of range, or there are too few images
            to show every class.
    """
    root = data_folder() / 'scenes' if root is None else Path(root)
    if seed < 0 or min(num_train, num_val) < 1 or min(size) < 32:
        raise ValueError(
            'The built-in scenes need seed >= 0, num_train and num_val >= 1 '
            f'and a size of at least 32x32, not seed={seed}, num_train='
            f'{num_train}, num_val={num_val}, size={tuple(size)}.'
        )
    wanted = dict(
        version=VERSION,
        seed=seed,
        num_train=num_train,
        num_val=num_val,
        size=list(size),
    )
    if _is_there(root, wanted):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f'.{root.name}-', dir=root.parent
    ) as folder:
        made = Path(folder) / root.name
        _make(made, wanted)
        try:
            os.replace(made, root)
        except OSError:
            # Another process may have finished first; otherwise it is an error.
            if not _is_there(root, wanted):
                raise
    return root


def _is_there(root: Path, wanted: dict[str, Any]) -> bool:
    """Return whether the root holds the wanted set; refuse anything else."""
    marker = root / MARKER
    if marker.is_file():
        found = marker.read_text()
        try:
            if json.loads(found) == wanted:
                return True
        except ValueError:
            pass
        problem = f'{marker} says {found.strip()}, wanted {json.dumps(wanted)}'
    elif root.is_dir() and not any(root.iterdir()):
        return False
    elif root.exists() or root.is_symlink():
        problem = f'it exists, without a {MARKER}'
    else:
        return False
    raise FileExistsError(
        f'{root} cannot take the built-in scenes: {problem}. Move or delete '
        'it, or name another folder (the argument `root`, or MMSEMI_DATA for '
        'the parent of the default one).'
    )


def _make(root: Path, wanted: dict[str, Any]) -> None:
    """Write the set to the new folder ``root``."""
    for folder in (
        'images/train',
        'images/val',
        'labels/train',
        'labels/val',
        'splits',
    ):
        (root / folder).mkdir(parents=True)
    jobs = [('train', i) for i in range(wanted['num_train'])]
    jobs += [('val', i) for i in range(wanted['num_val'])]
    lists: dict[str, list[str]] = dict(train=[], val=[])
    masks: dict[str, list[np.ndarray]] = dict(train=[], val=[])
    with progress_bar(jobs, f'painting {root}', disable=len(jobs) < 50) as bar:
        for split, index in bar:
            key = wanted['seed'], int(split == 'val'), index
            image, mask = render_scene(key, wanted['size'][::-1])
            names = [
                f'{kind}/{split}/{index + 1:04d}.png' for kind in ('images', 'labels')
            ]
            Image.fromarray(image).save(root / names[0])
            indexed = Image.fromarray(mask)
            indexed.putpalette(sum(SCENES_PALETTE, []))
            indexed.save(root / names[1])
            lists[split].append(' '.join(names))
            masks[split].append(mask)
    _cover(masks['val'], range(len(masks['val'])), 'num_val')
    order = Dice(wanted['seed'], 2).shuffled(len(masks['train']))
    first = _cover(masks['train'], order, 'num_train')
    order = first + [i for i in order if i not in first]
    for name, part in LABELED.items():
        count = max(len(order) // part, len(first))
        lists[name] = [lists['train'][i] for i in sorted(order[:count])]
    for name, lines in lists.items():
        text = ''.join(f'{line}\n' for line in lines)
        (root / 'splits' / f'{name}.txt').write_text(text)
    (root / MARKER).write_text(json.dumps(wanted) + '\n')


def _cover(masks: list[np.ndarray], order: Sequence[int], option: str) -> list[int]:
    """List the images that, in this order, add a class to those before.

    An image shows a class that covers at least 1/500 of it.
    """
    missing, chosen = set(range(len(SCENES_CLASSES))), []
    for index in order:
        pixels = np.bincount(masks[index].ravel())
        shown = set(np.flatnonzero(pixels * 500 >= masks[index].size).tolist())
        if shown & missing:
            chosen.append(index)
            missing -= shown
    if missing:
        names = ', '.join(SCENES_CLASSES[i] for i in sorted(missing))
        raise ValueError(
            f'{option}={len(masks)} built-in scenes show no {names}. Set more of '
            'them, or another seed.'
        )
    return chosen
