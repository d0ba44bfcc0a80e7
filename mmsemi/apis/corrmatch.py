"""Show how CorrMatch's label propagation changes pseudo-labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmsemi.models import CorrMatch
from mmsemi.models.utils import (
    PseudoLabel,
    propagate_labels,
    random_positions,
    region_masks,
)
from mmsemi.utils.images import write_picture
from mmsemi.visualization import heat_map, overlay

from .inference import ImagePipeline


def predict(model: CorrMatch, batch: dict) -> tuple[Tensor, Tensor]:
    """Predict logits (1, C, H, W) and features (1, c, h, w) of an image."""
    images = model.data_preprocessor(batch)['inputs']
    with model.capture('backbone') as levels:
        logits = model.logits(images)
    return logits, levels[0][-1]


def nearest_position(
    pixel: tuple[int, int], size: tuple[int, int], feat: Tensor
) -> int:
    """Return the position in a feature map (1, c, h, w) nearest to a pixel (x, y)."""
    (x, y), (height, width) = pixel, size
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(
            f'Point {x},{y} is not in the image, which has {width}x{height} pixels. '
            'Give X,Y from 0,0, the upper left corner.'
        )
    rows, cols = feat.shape[2:]
    row = round(y * (rows - 1) / max(height - 1, 1))
    col = round(x * (cols - 1) / max(width - 1, 1))
    return row * cols + col


@torch.no_grad()
def draw_propagation(
    model: nn.Module,
    file: str,
    folder: Path,
    points: Sequence[tuple[int, int]] = (),
    conf_thresh: float | None = None,
    seed: int = 0,
) -> None:
    """Draw the confident pseudo-labels of an image before and after propagation.

    Args:
        model (nn.Module): As :func:`.network.init_model` returns it.
        file (str): The image.
        folder (Path): Where the pictures are written.
        points (Sequence[tuple[int, int]]): Pixels (x, y) whose correlation to
            show.  Defaults to the center.
        conf_thresh (float, optional): Confidence threshold.  Defaults to the
            model's.
        seed (int): Seed of the regions.  Defaults to 0.

    Raises:
        ValueError: The model is not CorrMatch's, or a point is not in the image.
    """
    if not isinstance(model, CorrMatch):
        raise ValueError(
            f'{model.cfg.filename or "The config"} trains {type(model).__name__}: '
            'only CorrMatch has a correlation to show. Use a config and a checkpoint '
            'of CorrMatch.'
        )
    image, batch = ImagePipeline(model)(file)
    size = image.shape[:2]
    points = points or [(size[1] // 2, size[0] // 2)]
    logits, feat = predict(model, batch)
    index = [nearest_position(pixel, size, feat) for pixel in points]

    everywhere = torch.ones_like(logits[:, 0], dtype=torch.bool)
    pred = PseudoLabel.from_logits(logits, everywhere)
    thresh = (
        model.thresh.value
        if conf_thresh is None
        else model.thresh.value.new_tensor(conf_thresh)
    )
    confident = pred.conf >= thresh
    torch.manual_seed(seed)
    positions = random_positions(
        model.num_regions, feat[0, 0].numel(), feat.device, model.all_positions
    )
    regions = region_masks(model.correlation.rows(feat, positions), everywhere)
    label, keep = propagate_labels(
        pred.label, confident, regions, thresh, model.num_classes
    )

    pictures = {}
    for name, mask, trusted in (
        ('before', pred.label, confident),
        ('after', label, keep),
    ):
        mask, trusted = mask[0].cpu().numpy(), trusted[0].cpu().numpy()
        colored = overlay(image, mask, model.dataset_meta['palette'])
        pictures[name] = np.where(trusted[..., None], colored, image)
    rows = model.correlation.rows(feat, torch.tensor(index, device=feat.device))
    for (x, y), row in zip(points, rows[0].cpu().numpy(), strict=True):
        pictures[f'correlation_{x}_{y}'] = heat_map(image, row, (x, y))
    for name, picture in pictures.items():
        write_picture(folder / f'{name}.png', picture)

    shares = [m.float().mean().item() for m in (confident, keep, label != pred.label)]
    print(
        '{:.1%} of the pixels are confident (at {:.3f}); propagation trusts '
        '{:.1%} and relabels {:.1%}.'.format(shares[0], thresh.item(), *shares[1:])
    )
    print(f'{len(pictures)} pictures are in {folder}.')
