"""Draw training samples as the network sees them.

``python tools/analysis/browse_dataset.py CONFIG --output-dir pictures`` writes a
picture for each of the first samples: the labeled image with its mask, the weak
view of the unlabeled image, and its strong views after CutMix.  Black pixels are
padding, or have no label.
"""

import argparse
from pathlib import Path

import numpy as np
from mmengine.registry import init_default_scope
from torch import Tensor

from mmsemi.engine import SemiRunner
from mmsemi.models.utils import cutmix
from mmsemi.utils.cli import run_tool
from mmsemi.utils.config import add_config_arguments, load_config
from mmsemi.utils.images import write_picture
from mmsemi.visualization import overlay, viewable


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--output-dir', type=Path, required=True, help='folder for the pictures'
    )
    parser.add_argument('--number', type=int, default=10, help='number of samples')
    parser.add_argument('--seed', type=int, default=0, help='seed of the samples')
    add_config_arguments(parser)
    return parser.parse_args()


def to_picture(image: Tensor) -> np.ndarray:
    """Turn an image (C, S, S) of a batch into BGR (S, S, 3) uint8."""
    return viewable(image.permute(1, 2, 0).numpy())


def draw(batch: dict, palette: list) -> list[np.ndarray]:
    """Draw each sample of a collated batch, its views side by side.

    Returns:
        list[ndarray]: BGR pictures, (S, S * views, 3) uint8.

    Raises:
        ValueError: The data set of the config has no streams.
    """
    if 'labeled' not in batch:
        raise ValueError(
            'The train_dataloader yields no streams of mmsemi: use browse_dataset.py '
            'of mmsegmentation for its data sets.'
        )
    labeled = batch['labeled']
    rows = []
    for image, mask in zip(labeled['weak'], labeled['mask'], strict=True):
        known = mask.numpy() != 255
        colored = overlay(to_picture(image), mask.numpy(), palette)
        rows.append([colored * known[..., None]])
    unlabeled = batch.get('unlabeled')
    if unlabeled:
        partner = batch.get('partner') or unlabeled
        strong = [
            cutmix(own, other, pastes)
            for own, other, pastes in zip(
                unlabeled['strong'], partner['strong'], unlabeled['boxes'], strict=True
            )
        ]
        for views in [unlabeled['weak'], *strong]:
            # Two labeled images may belong to an unlabeled one, or the reverse.
            for row, image in zip(rows, views, strict=False):
                row.append(to_picture(image))
    return [np.concatenate(row, 1) for row in rows]


def main() -> None:
    """Run the command line."""
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmsemi')
    loader = SemiRunner.build_dataloader(
        dict(
            cfg.train_dataloader,
            batch_size=min(cfg.get('total_batch_size') or 8, args.number),
            num_workers=0,
            persistent_workers=False,
            pin_memory=False,
        ),
        seed=args.seed,
    )
    palette = loader.dataset.metainfo['palette']
    written = 0
    for batch in loader:
        for picture in draw(batch, palette)[: args.number - written]:
            write_picture(args.output_dir / f'{written:04d}.png', picture)
            written += 1
        if written >= args.number:
            break
    print(f'{written} pictures are in {args.output_dir}.')


if __name__ == '__main__':
    run_tool(main)
