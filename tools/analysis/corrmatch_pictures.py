"""Show how CorrMatch's label propagation changes an image's pseudo-labels.

``python tools/analysis/corrmatch_pictures.py IMAGE CONFIG CHECKPOINT
--points 120,80 300,200 --out-dir pictures`` writes

- ``before.png`` and ``after.png``: the confident pseudo-labels over the
  image, before and after propagation; other pixels show the image alone;
- ``correlation_X_Y.png`` for every point: the correlation of each pixel with
  that one, from dark to bright.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmsemi.apis import ImagePipeline, init_model
from mmsemi.models import CorrMatch
from mmsemi.models.utils import (
    PseudoLabel,
    propagate_labels,
    random_positions,
    region_masks,
)
from mmsemi.utils.cli import run_tool
from mmsemi.utils.config import add_config_arguments, load_config
from mmsemi.utils.images import write_picture
from mmsemi.visualization import heat_map, overlay


def point(text: str) -> tuple[int, int]:
    """Parse ``X,Y`` from the command line."""
    x, y = text.split(',')
    return int(x), int(y)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('image', help='image file')
    parser.add_argument('config', help='config file of CorrMatch')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out-dir', type=Path, required=True, help='folder for the pictures'
    )
    parser.add_argument(
        '--points',
        type=point,
        nargs='*',
        metavar='X,Y',
        help='pixels whose correlation to show; defaults to the center',
    )
    parser.add_argument(
        '--thresh',
        type=float,
        help="confidence threshold; defaults to the checkpoint's",
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the regions')
    parser.add_argument(
        '--device',
        default='cuda:0' if torch.cuda.is_available() else 'cpu',
        help='defaults to the GPU if there is one',
    )
    add_config_arguments(parser)
    return parser.parse_args()


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
def main() -> None:
    """Run the command line."""
    args = parse_args()
    cfg = load_config(args)
    model = init_model(cfg, args.checkpoint, args.device)
    if not isinstance(model, CorrMatch):
        raise ValueError(
            f'{args.config} trains {cfg.model.type}: only CorrMatch has a '
            'correlation to show. Use a config and a checkpoint of CorrMatch.'
        )
    image, batch = ImagePipeline(model)(args.image)
    size = image.shape[:2]
    points = args.points or [(size[1] // 2, size[0] // 2)]
    logits, feat = predict(model, batch)
    index = [nearest_position(pixel, size, feat) for pixel in points]

    everywhere = torch.ones_like(logits[:, 0], dtype=torch.bool)
    pred = PseudoLabel.from_logits(logits, everywhere)
    thresh = (
        model.thresh.value
        if args.thresh is None
        else model.thresh.value.new_tensor(args.thresh)
    )
    confident = pred.conf >= thresh
    torch.manual_seed(args.seed)
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
        colored = overlay(image, mask, cfg.metainfo['palette'])
        pictures[name] = np.where(trusted[..., None], colored, image)
    rows = model.correlation.rows(feat, torch.tensor(index, device=feat.device))
    for (x, y), row in zip(points, rows[0].cpu().numpy(), strict=True):
        pictures[f'correlation_{x}_{y}'] = heat_map(image, row, (x, y))
    for name, picture in pictures.items():
        write_picture(args.out_dir / f'{name}.png', picture)

    shares = [m.float().mean().item() for m in (confident, keep, label != pred.label)]
    print(
        '{:.1%} of the pixels are confident (at {:.3f}); propagation trusts '
        '{:.1%} and relabels {:.1%}.'.format(shares[0], thresh.item(), *shares[1:])
    )
    print(f'{len(pictures)} pictures are in {args.out_dir}.')


if __name__ == '__main__':
    run_tool(main)
