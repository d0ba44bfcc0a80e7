"""The built-in data set: small painted scenes, made on first use.

Eight classes whose colours overlap on purpose (snow and cloud, soil and
brick, water showing the forest behind it): weather, season, kind, material
and the camera's white balance vary independently, so a handful of labels
shows only some of the looks of a class, while the unlabeled images show them
all.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from mmsemi.registry import FUNCTIONS

from .canvas import Dice
from .classes import SCENES_CLASSES, SCENES_PALETTE
from .render import render_scene

__all__ = ['SCENES_CLASSES', 'SCENES_PALETTE', 'ensure_scenes']

# Goes up with every change that changes a pixel, a mask or a list.
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
    """Make the built-in data set unless it is there.

    The same arguments give the same pixels, masks and lists on every
    machine. Below the root::

        images/{train,val}/0001.png    RGB
        labels/{train,val}/0001.png    indexed, 0..7, no ignored pixels
        splits/{train,val}.txt         IMAGE MASK per line
        splits/1_{32,16,8,4}.txt       the labeled part of train

    A labeled list shows every class and contains the smaller ones.

    The set is made in a temporary folder beside the root and moved there
    whole, so it is there completely or not at all, also when several
    processes ask for it at once.

    Args:
        root (str | Path, optional): Folder of the set. Defaults to
            ``scenes`` in the folder that the environment variable
            ``MMSEMI_DATA`` names, else in ``data``.
        seed (int): Names the set, not negative. Defaults to 0.
        num_train (int): Training images. Defaults to 320.
        num_val (int): Validation images. Defaults to 80.
        size (Tuple[int, int]): Width and height in pixels, at least 32.
            Defaults to (128, 96).

    Returns:
        Path: The root.

    Raises:
        FileExistsError: The root holds anything but this very set; it is
            left as it is.
        ValueError: An argument out of range, or too few images to show
            every class.
    """
    if root is None:
        root = Path(os.environ.get('MMSEMI_DATA') or 'data') / 'scenes'
    root = Path(root)
    if seed < 0 or min(num_train, num_val) < 1 or min(size) < 32:
        raise ValueError(
            'the built-in scenes need seed >= 0, num_train and num_val >= 1 '
            f'and a size of at least 32x32, not seed={seed}, num_train='
            f'{num_train}, num_val={num_val}, size={tuple(size)}'
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
            # Another process may have been first; anything else is an error.
            if not _is_there(root, wanted):
                raise
    return root


def _is_there(root: Path, wanted: dict) -> bool:
    """Whether the root holds the wanted set; an error if something else."""
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
        problem = f'it is there already, without a {MARKER}'
    else:
        return False
    raise FileExistsError(
        f'{root} cannot take the built-in scenes: {problem}. Move or delete '
        'it, or name another folder (the argument `root`, or MMSEMI_DATA for '
        'the folder above the default one)'
    )


def _make(root: Path, wanted: dict) -> None:
    """Paint the set into the new folder ``root``."""
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
    for split, index in track(
        jobs, f'painting {root}', transient=True, disable=len(jobs) < 50
    ):
        key = wanted['seed'], int(split == 'val'), index
        image, mask = render_scene(key, wanted['size'])
        names = [f'{kind}/{split}/{index + 1:04d}.png' for kind in ('images', 'labels')]
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
    """The images which, taken in this order, add a class to those before.

    A class counts where it covers at least 1/500 of the image.
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
            f'{option}={len(masks)} built-in scenes show no {names}: ask for '
            'more, or for another seed'
        )
    return chosen
