"""Segment an image, a video, or all images of a folder.

``python tools/predict.py photos/ CONFIG CHECKPOINT --out-dir results`` writes
class indices to ``results/masks``, the same in color to ``results/colors``
and over the image to ``results/overlays``.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from operator import length_hint
from pathlib import Path

import numpy as np
import torch

from mmsemi.apis import init_model, iter_predictions, open_images
from mmsemi.utils.cli import run_tool
from mmsemi.utils.config import add_config_arguments, load_config
from mmsemi.utils.images import write_picture
from mmsemi.utils.progress import progress_bar
from mmsemi.visualization import colorize, overlay, save_mask, viewable


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('images', type=Path, help='image, video or folder of images')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out-dir', type=Path, required=True, help='folder for the results'
    )
    parser.add_argument(
        '--opacity', type=float, default=0.5, help='opacity of the overlays, 0 to 1'
    )
    parser.add_argument(
        '--device',
        default='cuda:0' if torch.cuda.is_available() else 'cpu',
        help='defaults to the GPU if there is one',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: faster; a few pixels may differ',
    )
    add_config_arguments(parser)
    return parser.parse_args()


def save(
    name: str,
    image: np.ndarray,
    mask: np.ndarray,
    palette: list,
    opacity: float,
    folder: Path,
) -> None:
    """Write a mask (H, W) and the pictures of it."""
    file = f'{name}.png'
    save_mask(mask, palette, folder / 'masks' / file)
    write_picture(folder / 'colors' / file, colorize(mask, palette))
    picture = overlay(viewable(image), mask, palette, opacity)
    write_picture(folder / 'overlays' / file, picture)


def main() -> int:
    """Run the command line."""
    args = parse_args()
    images = open_images(args.images)
    model = init_model(load_config(args), args.checkpoint, args.device)
    palette = model.dataset_meta['palette']
    failed: list[str] = []
    predictions = iter_predictions(
        model,
        images,
        amp=args.amp,
        on_error=lambda name, error: failed.append(f'{name}: {error}'),
    )
    saved = 0
    with (
        ThreadPoolExecutor(1) as pool,
        progress_bar(predictions, 'Predicting', length_hint(images)) as bar,
    ):
        saving = None
        for name, image, result in bar:
            mask = result.pred_sem_seg.data.squeeze(0).numpy()
            if saving:  # raises its error; only one image waits to be saved
                saving.result()
            saving = pool.submit(
                save, name, image, mask, palette, args.opacity, args.out_dir
            )
            saved += 1
        if saving:
            saving.result()

    print(
        f'{saved} of {saved + len(failed)} images are in '
        f'{args.out_dir} (masks, colors, overlays).'
    )
    for line in failed:
        print(f'Not predicted: {line}', file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    run_tool(main)
