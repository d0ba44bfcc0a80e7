"""Draw some validation images with their truth and prediction."""

import os.path as osp
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from mmsemi.evaluation import find_confusion
from mmsemi.registry import HOOKS
from mmsemi.visualization import draw_confusion, draw_segmentation, viewable


@HOOKS.register_module()
class ValidationPicturesHook(Hook):
    """Draw some validation images with their truth and prediction.

    A picture shows image, truth, prediction and confidence side by side above a
    legend of the classes; another one is the confusion matrix.  All backends of
    the visualizer get them: ``LocalVisBackend`` writes ``val_IMAGE_EPOCH.png`` and
    ``confusion_EPOCH.png`` into ``vis_data/vis_image`` below the run's log,
    ``TensorboardVisBackend`` has a slider over the epochs.

    A training of any length has at most ``(num_images + 1) * (validations + 1)``
    pictures.  ``default_hooks.pictures=None`` in a config has none.

    Args:
        num_images (int): Images, evenly spread over the validation list, the
            same in every validation.  Defaults to 4.
        validations (int): Validations with pictures, evenly spread over the
            training; the first one and the last one are among them.  Defaults
            to 10.
        max_size (int): Longest side of an image in a picture, in pixels; larger
            images are reduced.  Defaults to 512.

    Raises:
        ValueError: A number is below 1.
    """

    def __init__(
        self, num_images: int = 4, validations: int = 10, max_size: int = 512
    ) -> None:
        numbers = dict(
            num_images=num_images, validations=validations, max_size=max_size
        )
        for name, value in numbers.items():
            if value < 1:
                raise ValueError(
                    f'ValidationPicturesHook: {name}={value} is below 1. For no '
                    'pictures, set default_hooks.pictures=None.'
                )
        self.num_images = num_images
        self.validations = validations
        self.max_size = max_size
        self._part = -1  # of the training, when pictures were drawn last
        self._places: set[int] = set()
        self._training = False

    def before_train(self, runner: Runner) -> None:
        """Draw from now on, if a backend of the visualizer takes pictures."""
        backends = (runner.cfg.get('visualizer') or {}).get('vis_backends')
        self._training = bool(backends) and is_main_process()

    def before_val_epoch(self, runner: Runner) -> None:
        """Choose the images of this validation; none if it has no pictures."""
        self._places = set()
        if not self._training:
            return
        part = self.validations * runner.iter // max(runner.max_iters, 1)
        if part == self._part:
            return
        self._part = part
        # Those of this process, which has every n-th image of the list.
        own = range(0, len(runner.val_dataloader.dataset), get_world_size())
        count = min(self.num_images, len(own))
        self._places = {int((i + 0.5) * len(own) / count) for i in range(count)}

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw the images of this batch that are chosen."""
        if not self._places or not outputs:
            return
        first = batch_idx * (runner.val_dataloader.batch_size or 1)
        for i, sample in enumerate(outputs):
            if first + i in self._places and 'pred_sem_seg' in sample:
                self._draw(runner, data_batch['inputs'][i], sample)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Draw the confusion matrix of this validation."""
        metric = find_confusion(runner.val_loop.evaluator)
        if self._places and metric is not None:
            classes = metric.dataset_meta['classes']
            picture = draw_confusion(metric.confusion, classes)
            self._add(runner, 'confusion', picture)

    def _draw(self, runner: Runner, image: torch.Tensor, sample: SegDataSample) -> None:
        mask = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
        size = _fitting(mask.shape, self.max_size)
        pixels = viewable(_as_bytes(image).transpose(1, 2, 0))[..., ::-1]
        masks = dict(mask=mask)
        if 'gt_sem_seg' in sample:
            truth = sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8)
            if truth.shape == mask.shape:
                masks['truth'] = truth
        extra = {
            name: cv2.resize(each, size, interpolation=cv2.INTER_NEAREST)
            for name, each in masks.items()
        }
        if 'seg_logits' in sample and len(sample.seg_logits.data) > 1:
            confidence = sample.seg_logits.data.float().softmax(0).amax(0)
            extra['confidence'] = cv2.resize(
                confidence.cpu().numpy(), size, interpolation=cv2.INTER_AREA
            )
        meta = runner.visualizer.dataset_meta or runner.val_dataloader.dataset.metainfo
        picture = draw_segmentation(
            cv2.resize(
                np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA
            ),
            classes=meta['classes'],
            palette=meta['palette'],
            with_image=True,
            **extra,
        )
        name = osp.splitext(osp.basename(sample.img_path))[0]
        self._add(runner, f'val_{name}', picture)

    @staticmethod
    def _add(runner: Runner, name: str, picture: np.ndarray) -> None:
        by_epoch = getattr(runner.log_processor, 'by_epoch', True)
        step = runner.epoch if by_epoch else runner.iter
        runner.visualizer.add_image(name, picture, step)


def _fitting(shape: Sequence[int], longest: int) -> tuple[int, int]:
    """Return width and height of a picture of (H, W) within a longest side."""
    factor = min(1.0, longest / max(shape))
    return tuple(max(1, round(side * factor)) for side in reversed(shape))


def _as_bytes(image: torch.Tensor) -> np.ndarray:
    """Return an image (C, H, W) as uint8; other values are stretched to 0..255."""
    pixels = image.cpu().numpy()
    if pixels.dtype == np.uint8:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    return ((pixels - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
