"""A few unlabeled images that are looked at again and again."""

import os.path as osp
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .list_dataset import ListSegDataset
from .lists import iter_list
from .semi_dataset import SemiSegDataset, seeded
from .transforms import FaultyFile
from .transforms.formatting import image_tensor


class Sights(NamedTuple):
    """Crops from the middle of some unlabeled images.

    Attributes:
        names (list[str]): Of the images, each its own.
        weak (Tensor): The crops as loaded, (N, C, S, S), uint8; 0 on padding.
        valid (Tensor): False on padding, bool (N, S, S).
        truth (Tensor): Classes, 255 where there is none, uint8 (N, S, S).
    """

    names: list[str]
    weak: Tensor
    valid: Tensor
    truth: Tensor

    @property
    def has_truth(self) -> bool:
        """Return whether any pixel has a true class."""
        return bool((self.truth != 255).any())


def load_sights(
    dataset: SemiSegDataset, count: int, size: Sequence[int]
) -> Sights | None:
    """Load unlabeled images, evenly spread over their list, and their masks.

    Masks are those that the list names, for whoever looks at a training: the
    training itself never sees them.  An image that cannot be loaded is left
    out; so is a mask.

    Args:
        dataset (SemiSegDataset): With unlabeled images.
        count (int): Number of images; fewer if there are not so many.
        size (Sequence[int]): Height and width of the crops.

    Returns:
        Sights: None if no image can be loaded.
    """
    unlabeled = dataset.unlabeled
    if unlabeled is None:
        return None
    count = min(count, len(unlabeled))
    places = [int((i + 0.5) * len(unlabeled) / count) for i in range(count)]
    infos = [unlabeled.get_data_info(i) for i in places]
    truth_of = Truths(dataset, [info['img_path'] for info in infos])
    found: list[tuple[str, Tensor, Tensor, Tensor]] = []
    for info in infos:
        path = info['img_path']
        loaded = _load(unlabeled, info, 'img')
        if loaded is None:
            continue
        crop = _Middle(loaded['img'].shape[:2], size)
        truth = truth_of(path)
        if truth is None:
            truth = np.full(loaded['img'].shape[:2], 255, np.uint8)
        valid = crop(np.ones(loaded['img'].shape[:2], bool), False)
        found.append(
            (
                path,
                image_tensor(crop(loaded['img'], 0)),
                torch.from_numpy(valid),
                torch.from_numpy(crop(truth, 255)),
            )
        )
    if not found:
        return None
    paths, weak, valid_, truths = zip(*found, strict=True)
    return Sights(
        _names(paths), torch.stack(weak), torch.stack(valid_), torch.stack(truths)
    )


class Truths:
    """The masks that a list names for unlabeled images: to look at, not to learn.

    Args:
        dataset (SemiSegDataset): With unlabeled images.
        paths (Sequence[str]): Paths of the unlabeled images to find the masks of, as
            ``get_data_info`` gives them.
    """

    def __init__(self, dataset: SemiSegDataset, paths: Sequence[str]) -> None:
        self.dataset = dataset
        unlabeled, wanted = dataset.unlabeled, set(paths)
        self.masks: dict[str, str] = {}
        if unlabeled is None:
            return
        for image, mask in iter_list(unlabeled.ann_file):
            if mask is not None and (path := unlabeled._path(image)) in wanted:
                self.masks[path] = unlabeled._path(mask)

    def __call__(self, path: str) -> np.ndarray | None:
        """Return the classes (H, W) of an image, uint8; None if it has no mask."""
        if path not in self.masks:
            return None
        labeled = self.dataset.labeled
        info = dict(labeled.get_data_info(0), img_path=path)
        info['seg_map_path'] = self.masks[path]
        return (_load(labeled, info, 'gt_seg_map') or {}).get('gt_seg_map')


class _Middle:
    """Crop the middle of an image; pad at the right and below, as in training."""

    def __init__(self, shape: Sequence[int], size: Sequence[int]) -> None:
        self.size = size
        self.start = [max(0, (a - b) // 2) for a, b in zip(shape, size, strict=True)]

    def __call__(self, pixels: np.ndarray, padding: int | bool) -> np.ndarray:
        (y, x), (height, width) = self.start, self.size
        part = pixels[y : y + height, x : x + width]
        whole = np.full((height, width, *pixels.shape[2:]), padding, pixels.dtype)
        whole[: part.shape[0], : part.shape[1]] = part
        return whole


def _load(part: ListSegDataset, info: dict, wanted: str) -> dict | None:
    """Run a pipeline up to the transform that loads something."""
    results: dict = dict(info)
    steps: list[Callable] = part.pipeline.transforms
    try:
        with seeded(0):
            for step in steps:
                results = step(results)
                if wanted in results:
                    return results
    except (FaultyFile, OSError, KeyError):
        return None
    return None


def _names(paths: Sequence[str]) -> list[str]:
    """Return short names of files, each its own, that can name files."""
    paths = [osp.splitext(path)[0].replace('\\', '/') for path in paths]
    parts = [path.split('/') for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ['-'.join(filter(None, each[-depth:])) for each in parts]
        if len(set(names)) == len(names):
            break
    return names
