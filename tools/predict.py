"""Segment an image, or all images below a folder.

``python tools/predict.py photos/ CONFIG CHECKPOINT --out-dir results`` writes
class indices to ``results/masks``, the same in colour to ``results/colors``
and over the image to ``results/overlays``.
"""
import argparse
import sys
from pathlib import Path
from typing import Dict, List

import cv2
import torch
from mmseg.apis import inference_model
from rich.progress import track

from mmsemi.registry import TRANSFORMS
from mmsemi.utils.config import add_config_arguments, load_config
from mmsemi.utils.network import load_network
from mmsemi.visualization import colorize, overlay, save_mask, viewable

SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp'}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', type=Path, help='an image, or a folder')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out-dir', type=Path, required=True, help='folder for the results')
    parser.add_argument(
        '--opacity', type=float, default=0.5, help='of the overlays, 0 to 1')
    parser.add_argument(
        '--device',
        default='cuda:0' if torch.cuda.is_available() else 'cpu',
        help='defaults to the GPU where there is one')
    add_config_arguments(parser)
    return parser.parse_args()


def find_images(source: Path) -> Dict[Path, Path]:
    """Images, and the names (without suffix) that their results are given.

    Raises:
        FileNotFoundError: There is no such file or folder, or no image in it.
    """
    if source.is_file():
        return {source: Path(source.stem)}
    if not source.is_dir():
        raise FileNotFoundError(f'There is no image or folder {source}.')
    images = sorted(
        path for path in source.rglob('*')
        if path.suffix.lower() in SUFFIXES and path.is_file())
    if not images:
        raise FileNotFoundError(
            f'No image below {source} ends in one of '
            f'{", ".join(sorted(SUFFIXES))}.')
    names: Dict[Path, Path] = {}
    for path in images:
        name = path.relative_to(source).with_suffix('')
        # a.jpg and a.png next to each other: keep both results.
        names[path] = name if name not in names.values() \
            else path.relative_to(source)
    return names


def main() -> int:
    args = parse_args()
    images = find_images(args.images)
    cfg = load_config(args)
    model = load_network(cfg, args.checkpoint, args.device)
    palette = cfg.metainfo['palette']
    load_image = TRANSFORMS.build(cfg.test_pipeline[0])

    failed: List[str] = []
    for path, name in track(images.items(), 'Predicting'):
        try:
            image = load_image(dict(img_path=str(path)))['img']
        except (OSError, ValueError, AssertionError) as error:
            failed.append(f'{path}: {error}')
            continue
        # By its path: not every image could be handed on as an array.
        result = inference_model(model, str(path))
        mask = result.pred_sem_seg.data.squeeze(0).cpu().numpy()
        out = f'{name}.png'
        save_mask(mask, palette, args.out_dir / 'masks' / out)
        for kind, picture in (('colors', colorize(mask, palette)),
                              ('overlays',
                               overlay(viewable(image), mask, palette,
                                       args.opacity))):
            (args.out_dir / kind / out).parent.mkdir(
                parents=True, exist_ok=True)
            cv2.imwrite(str(args.out_dir / kind / out), picture)

    print(f'{len(images) - len(failed)} of {len(images)} images are in '
          f'{args.out_dir} (masks, colors, overlays).')
    for line in failed:
        print(f'Not predicted: {line}', file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
