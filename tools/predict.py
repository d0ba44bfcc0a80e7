"""Segment an image, or all images below a folder.

``python tools/predict.py photos/ CONFIG CHECKPOINT --out-dir results`` writes
class indices to ``results/masks``, the same in colour to ``results/colors``
and over the image to ``results/overlays``.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from rich.progress import track

from mmsemi.apis.network import load_network
from mmsemi.registry import TRANSFORMS
from mmsemi.utils.config import add_config_arguments, load_config
from mmsemi.utils.images import SUFFIXES, write_picture
from mmsemi.visualization import colorize, overlay, save_mask, viewable


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('images', type=Path, help='an image, or a folder')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out-dir', type=Path, required=True, help='folder for the results'
    )
    parser.add_argument(
        '--opacity', type=float, default=0.5, help='of the overlays, 0 to 1'
    )
    parser.add_argument(
        '--device',
        default='cuda:0' if torch.cuda.is_available() else 'cpu',
        help='defaults to the GPU where there is one',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: faster, and a few pixels may differ',
    )
    add_config_arguments(parser)
    return parser.parse_args()


def find_images(source: Path) -> dict[Path, Path]:
    """Images, and the names (without suffix) that their results are given.

    Raises:
        FileNotFoundError: There is no such file or folder, or no image in it.
    """
    if source.is_file():
        return {source: Path(source.stem)}
    if not source.is_dir():
        raise FileNotFoundError(f'There is no image or folder {source}.')
    images = sorted(
        path
        for path in source.rglob('*')
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not images:
        raise FileNotFoundError(
            f'No image below {source} ends in one of {", ".join(SUFFIXES)}.'
        )
    names: dict[Path, Path] = {}
    for path in images:
        name = path.relative_to(source).with_suffix('')
        # a.jpg and a.png next to each other: keep both results.
        names[path] = name if name not in names.values() else path.relative_to(source)
    return names


def meanwhile(load: Callable, paths: Iterable[Path]) -> Iterator[Future]:
    """Load each image while the one before it is worked on.

    Yields:
        Future: What ``load`` gives for a path, or the error it raises.
    """
    with ThreadPoolExecutor(1) as pool:
        paths = iter(paths)
        ahead = pool.submit(load, next(paths))
        for path in paths:
            loaded, ahead = ahead, pool.submit(load, path)
            yield loaded
        yield ahead


def save(
    mask: np.ndarray,
    image: np.ndarray,
    palette: list,
    opacity: float,
    folder: Path,
    name: str,
) -> None:
    """Write a mask (H, W), and the pictures of it."""
    save_mask(mask, palette, folder / 'masks' / name)
    for kind, picture in (
        ('colors', colorize(mask, palette)),
        ('overlays', overlay(viewable(image), mask, palette, opacity)),
    ):
        write_picture(folder / kind / name, picture)


def main() -> int:
    args = parse_args()
    images = find_images(args.images)
    cfg = load_config(args)
    model = load_network(cfg, args.checkpoint, args.device)
    palette = cfg.metainfo['palette']
    load_image = TRANSFORMS.build(cfg.test_pipeline[0])
    pack = Compose(cfg.test_pipeline[1:])

    def load(path: Path) -> tuple[np.ndarray, dict]:
        results = load_image(dict(img_path=str(path)))
        image = results['img']
        return image, pseudo_collate([pack(results)])

    failed: list[str] = []
    loaded = meanwhile(load, images)
    with (
        ThreadPoolExecutor(1) as pool,
        torch.no_grad(),
        torch.autocast(torch.device(args.device).type, enabled=args.amp),
    ):
        saving = None
        for path, name in track(images.items(), 'Predicting'):
            try:
                image, batch = next(loaded).result()
            except (OSError, ValueError, AssertionError) as error:
                failed.append(f'{path}: {error}')
                continue
            (result,) = model.test_step(batch)
            mask = result.pred_sem_seg.data.squeeze(0).cpu().numpy()
            if saving:  # raises what went wrong, and keeps no more waiting
                saving.result()
            saving = pool.submit(
                save, mask, image, palette, args.opacity, args.out_dir, f'{name}.png'
            )
        if saving:
            saving.result()

    print(
        f'{len(images) - len(failed)} of {len(images)} images are in '
        f'{args.out_dir} (masks, colors, overlays).'
    )
    for line in failed:
        print(f'Not predicted: {line}', file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
