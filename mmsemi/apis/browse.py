"""Draw training samples as the network sees them."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmsemi.engine import SemiRunner
from mmsemi.models.utils import cutmix, toggled
from mmsemi.utils.images import write_picture
from mmsemi.visualization import overlay, viewable


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
        boxes = unlabeled['boxes']
        if 'strong' in unlabeled:
            mixed = [
                cutmix(own, other, pastes)
                for own, other, pastes in zip(
                    unlabeled['strong'], partner['strong'], boxes, strict=True
                )
            ]
        else:  # weak views are mixed, with boxes that toggle
            mixed = [cutmix(unlabeled['weak'], partner['weak'], toggled(boxes))]
        for views in [unlabeled['weak'], *mixed]:
            # Two labeled images may belong to an unlabeled one, or the reverse.
            for row, image in zip(rows, views, strict=False):
                row.append(to_picture(image))
    return [np.concatenate(row, 1) for row in rows]


def draw_samples(cfg: Config, folder: Path, number: int = 10, seed: int = 0) -> int:
    """Write a picture of each of the first training samples of a config.

    Args:
        cfg (Config): The config, with its settings resolved.
        folder (Path): Where to write them.
        number (int): Number of samples.  Defaults to 10.
        seed (int): Seed of the samples.  Defaults to 0.

    Returns:
        int: Number of pictures; an epoch may have fewer samples.
    """
    init_default_scope('mmsemi')
    loader = SemiRunner.build_dataloader(
        dict(
            cfg.train_dataloader,
            batch_size=min(cfg.get('total_batch_size') or 8, number),
            num_workers=0,
            persistent_workers=False,
            pin_memory=False,
        ),
        seed=seed,
    )
    palette = loader.dataset.metainfo['palette']
    written = 0
    for batch in loader:
        for picture in draw(batch, palette)[: number - written]:
            write_picture(folder / f'{written:04d}.png', picture)
            written += 1
        if written >= number:
            break
    return written
