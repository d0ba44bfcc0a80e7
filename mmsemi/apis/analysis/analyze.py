"""Analyze what a network predicts for images with masks, and how sure it is."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmsemi.evaluation import ConfidenceCounts
from mmsemi.evaluation.confusion_iou import class_areas
from mmsemi.models import SemiSegmentor
from mmsemi.utils.files import replacing
from mmsemi.utils.progress import progress_bar

from ..network import init_model
from .images import image_loader
from .worst import ImageScore, Seen, Worst, fit, score_image

IMAGES = 'images.csv'


@dataclass
class Analysis:
    """What was counted.

    Attributes:
        images (str): Which images: 'val', 'labeled', a file, ...
        classes (list[str]): Name of every class.
        palette (list): RGB color of every class.
        counts (ConfidenceCounts): Pixels by class, confidence and correctness.
        threshold (float): Least confidence of a pseudo-label of the method, 0 if it
            has none.
        setting (str): The setting that it comes from.
        scored (int): Images with a labeled pixel.
        skipped (int): Images without one.
        worst (list): The worst images, with their scores.
    """

    images: str
    classes: list[str]
    palette: list
    counts: ConfidenceCounts
    threshold: float
    setting: str
    scored: int = 0
    skipped: int = 0
    worst: list[tuple[ImageScore, Seen]] = field(default_factory=list)

    @property
    def iou(self) -> np.ndarray:
        """IoU of every class in [0, 1], float (C,); NaN without pixels."""
        both, union, _, _ = (e.numpy() for e in class_areas(self.counts.confusion))
        return np.divide(both, union, out=np.full(len(both), np.nan), where=union > 0)

    @property
    def pixels(self) -> int:
        """Labeled pixels."""
        return int(self.counts.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of the labeled pixels that are right."""
        return float(self.counts.confusion.diagonal().sum() / max(self.pixels, 1))


def analyze(
    cfg: Config,
    checkpoint: str,
    folder: Path,
    images: str = 'val',
    worst: int = 12,
    teacher: bool = False,
    device: str | None = None,
    amp: bool = False,
) -> Analysis:
    """Predict images with masks, and count what is right and how sure the network is.

    Images are predicted as in a validation, with ``test_cfg`` of the model.  Beside
    the counts, whose size does not depend on the number of images, only the worst
    images are kept in memory; the scores of all are written to ``images.csv``.

    Args:
        cfg (Config): The config, with its settings resolved.
        checkpoint (str): Checkpoint file.
        folder (Path): For ``images.csv``.
        images (str): 'val', 'test', 'labeled', 'unlabeled', or a list of ``IMAGE
            MASK`` lines.
        worst (int): Images to keep with their predictions.
        teacher (bool): Analyze the EMA teacher in the checkpoint.
        device (str, optional): Defaults to the GPU if there is one, else the CPU.
        amp (bool): Compute in mixed precision.

    Returns:
        Analysis: The counts and the worst images.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: The images have no masks, or show no class.
    """
    init_default_scope('mmsemi')
    loader = image_loader(cfg, images)
    model = init_model(cfg, checkpoint, device, teacher=teacher)
    classes = [*model.dataset_meta['classes']]
    threshold, setting = threshold_of(model)
    found = Analysis(
        images,
        classes,
        model.dataset_meta['palette'],
        ConfidenceCounts(len(classes)),
        threshold,
        setting,
    )
    kept = Worst(worst)
    with (
        _score_file(folder / IMAGES) as write,
        progress_bar(loader, 'predicting') as batches,
    ):
        for batch in batches:
            for loaded, result in _predict(model, batch, amp):
                score = _count(found, result)
                if score is None:
                    found.skipped += 1
                    continue
                found.scored += 1
                write(score)
                if kept.wants(score):
                    kept.add(score, _seen(loaded, result))
    if not found.scored:
        raise ValueError(f'No pixel of the {found.skipped} images has a class.')
    found.worst = kept.sorted()
    return found


def threshold_of(model: nn.Module) -> tuple[float, str]:
    """Return the least confidence that a method learns, and the setting's name.

    It is 0 if the method learns all, or has no pseudo-labels.
    """
    if not isinstance(model, SemiSegmentor):
        return 0.0, ''
    return float(model.label_thresh), model.thresh_setting


@torch.no_grad()
def _predict(
    model: nn.Module, batch: dict, amp: bool
) -> Iterator[tuple[torch.Tensor, Any]]:
    """Yield each image of a batch, as loaded, with its result."""
    loaded = list(batch['inputs'])
    device = next(model.parameters()).device.type
    with torch.autocast(device, enabled=amp):
        results = model.test_step(batch)
    yield from zip(loaded, results, strict=True)


def _count(found: Analysis, result: Any) -> ImageScore | None:
    """Count the pixels of an image, and score it."""
    truth = result.gt_sem_seg.data[0]
    confidence = result.seg_logits.data.float().softmax(0).amax(0)
    del result.seg_logits  # several times as large as the rest
    result.confidence = confidence
    predicted = result.pred_sem_seg.data[0]
    confusion = found.counts.add(predicted, confidence, truth.to(predicted.device))
    known = (truth < len(found.classes)).to(confidence.device)
    mean = float(confidence[known].double().mean()) if known.any() else 0.0
    return score_image(str(result.img_path), confusion, mean, found.classes)


def _seen(loaded: torch.Tensor, result: Any) -> Seen:
    truth = result.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8)
    image = loaded.permute(1, 2, 0).cpu().numpy().astype(np.uint8)
    return Seen(
        str(result.img_path),
        fit(image, truth.shape),
        truth,
        result.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8),
        (255 * result.confidence).round().byte().cpu().numpy(),
    )


@contextmanager
def _score_file(file: Path) -> Iterator[Any]:
    """Write the scores of images line by line; the file is complete or absent."""
    with replacing(file) as part, open(part, 'w', newline='', encoding='utf-8') as text:
        rows = csv.writer(text)
        rows.writerow(ImageScore._fields)

        def write(score: ImageScore) -> None:
            rows.writerow(
                f'{each:.4f}' if isinstance(each, float) else each for each in score
            )

        yield write


def table_text(rows: list[list[Any]]) -> str:
    """Format rows as CSV; shares with four decimals, nothing for NaN."""
    text = io.StringIO()
    for row in rows:
        csv.writer(text).writerow(
            ('' if np.isnan(each) else f'{each:.4f}')
            if isinstance(each, float)
            else each
            for each in row
        )
    return text.getvalue()
