"""Divide few labeled images into folds, each of which validates once."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmsemi.utils.invocation import command

FEW = 10  # validation images below which a score says little

FOLD = """\
# {train} {path}
# Fold {number} of {count}: validates on {val} of the images with masks.
_base_ = './{base}'

train_dataloader = dict(
    dataset=dict(
        labeled_list='{{{{ fileDirname }}}}/splits/{folder}/labeled.txt',
        unlabeled_list='{{{{ fileDirname }}}}/splits/{folder}/unlabeled.txt'))
val_dataloader = dict(
    dataset=dict(ann_file='{{{{ fileDirname }}}}/splits/{folder}/val.txt'))
test_dataloader = val_dataloader
"""
SWEEP = """\
# {sweep} {path}
# trains on every fold. A seed stands for the fold of that number, so that means,
# standard deviations and paired differences are those of the folds.
methods = {{
    {methods}
}}
seeds = {seeds}
work_dir = {work_dir!r}
{baseline}"""


def divide(shown: np.ndarray, count: int, seed: int) -> list[list[int]]:
    """Divide images into folds that show the same classes, as far as possible.

    The images of the rarest class are dealt to the folds first, each to the fold
    that has the fewest of them; then those of the next class that are left.

    Args:
        shown (ndarray): (N, classes) bool, the classes that each image shows.
        count (int): Number of folds.
        seed (int): Seed of their order.

    Returns:
        list[list[int]]: The validation images of each fold; each image is in one.

    Raises:
        ValueError: There are fewer than 2 folds, or more than images.
    """
    if not 2 <= count <= len(shown):
        raise ValueError(
            f'--folds is {count}, but must be 2 to {len(shown)}, the number of images '
            'with masks.'
        )
    shuffled = np.random.RandomState(seed).permutation(len(shown))
    rarest_first = np.argsort(shown.sum(0), kind='stable')
    full = -(-len(shown) // count)
    held = np.zeros((count, shown.shape[1]), int)
    folds: list[list[int]] = [[] for _ in range(count)]
    left = dict.fromkeys(shuffled.tolist())
    for label in (*rarest_first.tolist(), None):  # at last, images of no class
        for image in list(left):
            if label is not None and not shown[image, label]:
                continue
            free = [i for i in range(count) if len(folds[i]) < full]
            fold = min(
                free,
                key=lambda i: (
                    0 if label is None else held[i, label],
                    len(folds[i]),
                    i,
                ),
            )
            folds[fold].append(image)
            held[fold] += shown[image]
            del left[image]
    return [sorted(fold) for fold in folds]


def fold_folder(number: int, count: int) -> str:
    """Return the folder of a fold's lists, below ``splits``."""
    return f'{count}_folds/{number}'


def fold_text(path: Path, base: str, number: int, count: int, val: Sequence) -> str:
    """Return the config of a fold.

    Args:
        path (Path): Where it will lie.
        base (str): Name of the method's config beside it.
        number (int): Of the fold, from 1.
        count (int): Of the folds.
        val (Sequence): Its validation images.
    """
    return FOLD.format(
        train=command('train'),
        path=path.as_posix(),
        base=base,
        folder=fold_folder(number, count),
        number=number,
        count=count,
        val=len(val),
    )


def fold_name(name: str, number: int | str, count: int) -> str:
    """Return the name of a fold's config.

    Args:
        name (str): Of the method's config.
        number (int or str): Of the fold, from 1.
        count (int): Of the folds.
    """
    return f'{name}_fold{number}of{count}.py'


def sweep_text(path: Path, names: Iterable[str], count: int) -> str:
    """Return a sweep over the folds of methods.

    Args:
        path (Path): Where it will lie.
        names (Iterable[str]): Names of the methods' configs.
        count (int): Of the folds.
    """
    names = list(names)
    supervised = [name for name in names if name.startswith('supervised_')]
    return SWEEP.format(
        sweep=command('sweep'),
        path=path.as_posix(),
        methods='\n    '.join(
            f'{name!r}: {fold_name(name, "{seed}", count)!r},' for name in names
        ),
        seeds=tuple(range(1, count + 1)),
        work_dir=f'work_dirs/sweep/{path.resolve().parent.name}_{path.stem}',
        baseline=f'baseline = {supervised[0]!r}\n' if supervised and names[1:] else '',
    )
