"""Find out which classes the strong views of labeled images cost a trained network."""

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmseg.structures import SegDataSample
from torch import nn

from mmsemi.datasets.fit import transform_of
from mmsemi.datasets.transforms import LoadSegImage, LoadSegMask
from mmsemi.evaluation.confusion_iou import class_areas, count_pairs
from mmsemi.preparation.inspection import WARNING, Finding
from mmsemi.registry import TRANSFORMS
from mmsemi.utils.progress import progress_bar
from mmsemi.utils.strong_view import FOLLOWERS, RELEASED

from .network import init_model

MOST = 40  # labeled images, evenly spaced
DRAWS = 2  # strong views of each image
LOST = 0.1  # IoU from which a class counts as lost
PART = 0.2  # or this share of its IoU, whichever is more
SEEN = 0.1  # IoU on weak views below which a class was not learned at all

CHANGING = {kind for followers in FOLLOWERS.values() for kind in followers}


class Views(NamedTuple):
    """IoU of each class on views of labeled images.

    Attributes:
        weak (ndarray): (C,) on the images themselves, NaN if a class has no pixel.
        strong (ndarray): (C,) on strong views with all changes.
        alone (dict[str, ndarray]): Likewise with each change alone.
        images (int): Labeled images.
    """

    weak: np.ndarray
    strong: np.ndarray
    alone: dict[str, np.ndarray]
    images: int


def strong_transforms(cfg: Config) -> list[dict]:
    """Return the transforms of a config's strong view.

    Raises:
        ValueError: Its method has none that could be changed.
    """
    pipeline = cfg.train_dataloader.dataset.get('unlabeled_pipeline') or ()
    for transform in pipeline:
        if transform['type'] == 'StrongViews':
            default = [dict(type=kind) for kind in RELEASED]
            return [_complete(each) for each in transform.get('transforms', default)]
    found = [_complete(t) for t in pipeline if t['type'] in CHANGING]
    if not found:
        raise ValueError(
            'The config has no strong view: its unlabeled_pipeline changes no image. '
            'Name the config of a semi-supervised method, with any checkpoint of this '
            'network.'
        )
    return found


def _complete(transform: dict) -> dict:
    """Return a transform's config with the arguments that `strong_view` sets."""
    kind = transform['type']
    parameters = inspect.signature(TRANSFORMS.get(kind)).parameters
    names = {followers[kind] for followers in FOLLOWERS.values() if kind in followers}
    return {**{name: parameters[name].default for name in names}, **transform}


def only(transforms: Sequence[dict], name: str) -> list[dict] | None:
    """Return the transforms with one change alone; None if they do not make it."""
    kept = []
    for transform in transforms:
        follower = FOLLOWERS[name].get(transform['type'])
        if follower is None or not transform.get(follower):
            continue
        alone = dict(transform)
        for other, followers in FOLLOWERS.items():
            argument = followers.get(transform['type'])
            if other not in (name, 'blur_sigma') and argument:
                alone[argument] = 0
        if 'Jitter' in transform['type']:
            alone['prob'] = 1.0
        kept.append(alone)
    return kept or None


def compare_views(
    cfg: Config, dataset: BaseDataset, checkpoint: str, starting: Callable[[str], None]
) -> Views:
    """Predict weak and strong views of labeled images.

    Args:
        cfg (Config): Config of the training, with its settings resolved.
        dataset (BaseDataset): The labeled images.
        checkpoint (str): A trained network.
        starting (Callable): Is told what is computed next.

    Raises:
        OSError, ValueError: The checkpoint cannot be read, or is of another network;
            the config has no strong view.
    """
    transforms = strong_transforms(cfg)
    conditions: dict[str, list[dict]] = dict(weak=[], strong=transforms)
    for name in FOLLOWERS:
        alone = only(transforms, name) if name != 'blur_sigma' else None
        if alone:
            conditions[name] = alone
    model = init_model(cfg, checkpoint)
    count = len(dataset)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int))
    starting(f'{len(conditions)} kinds of views of {len(chosen)} labeled images')
    classes = len(dataset.metainfo['classes'])
    sums = {name: np.zeros((classes, classes), np.int64) for name in conditions}
    with (
        torch.random.fork_rng(),
        progress_bar(_images(dataset, chosen), 'Views', len(chosen)) as bar,
    ):
        state = np.random.get_state()
        for number, (image, mask) in enumerate(bar):
            for name, changes in conditions.items():
                pipeline = [TRANSFORMS.build(copy.deepcopy(t)) for t in changes]
                for draw in range(1 if name == 'weak' else DRAWS):
                    np.random.seed(number * DRAWS + draw)
                    view = dict(img=image)
                    for transform in pipeline:
                        view = transform(view)
                    sums[name] += _confusion(predict(model, view['img']), mask, classes)
        np.random.set_state(state)
    iou = {name: _iou(matrix) for name, matrix in sums.items()}
    return Views(iou.pop('weak'), iou.pop('strong'), iou, len(chosen))


def predict(model: nn.Module, image: np.ndarray) -> np.ndarray:
    """Predict the classes of an image (H, W, C), uint8; (H, W)."""
    inputs = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    names = ('ori_shape', 'img_shape', 'pad_shape')
    sample = SegDataSample(metainfo=dict.fromkeys(names, image.shape[:2]))
    batch = pseudo_collate([dict(inputs=inputs, data_samples=sample)])
    with torch.no_grad():
        (result,) = model.test_step(batch)
    return result.pred_sem_seg.data[0].cpu().numpy()


def _images(
    dataset: BaseDataset, chosen: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Load images and masks as training does, without a crop."""
    load_image = transform_of(dataset, LoadSegImage) or LoadSegImage()
    load_mask = transform_of(dataset, LoadSegMask) or LoadSegMask()
    for i in chosen:
        results = load_mask(load_image(dataset.get_data_info(int(i))))
        yield results['img'], results['gt_seg_map']


def _confusion(guess: np.ndarray, mask: np.ndarray, classes: int) -> np.ndarray:
    pairs = count_pairs(torch.from_numpy(guess), torch.from_numpy(mask), classes)
    return pairs[:classes].numpy()


def _iou(matrix: np.ndarray) -> np.ndarray:
    both, union, _, labeled = (
        part.numpy() for part in class_areas(torch.from_numpy(matrix))
    )
    return np.where(labeled > 0, both / np.maximum(union, 1), np.nan)


def view_findings(views: Views, classes: Sequence[str]) -> Iterator[Finding]:
    """Warn of each class that strong views cost, and name the change that does."""
    for i, name in enumerate(classes):
        weak, strong = views.weak[i], views.strong[i]
        if not weak >= SEEN or weak - strong < max(LOST, PART * weak):
            continue
        said = (
            f'Strong views of labeled images cost the class {name}: IoU {weak:.1%} on '
            f'weak views, {strong:.1%} on strong ones.'
        )
        if views.alone:
            worst = min(views.alone, key=lambda change: views.alone[change][i])
            said += (
                f' Most of it by {worst}, alone {views.alone[worst][i]:.1%}: lower '
                f'strong_view.{worst} (0 is none) in the config of the data set.'
            )
        yield Finding(WARNING, 'strong-view', said)


def view_rows(views: Views, classes: Sequence[str]) -> dict[str, Any]:
    """Return the figures for a report: IoU, None where a class has no pixel."""

    def numbers(iou: np.ndarray) -> list[float | None]:
        return [None if np.isnan(v) else round(float(v), 4) for v in iou]

    return dict(
        images=views.images,
        classes=list(classes),
        weak=numbers(views.weak),
        strong=numbers(views.strong),
        alone={name: numbers(iou) for name, iou in views.alone.items()},
    )
