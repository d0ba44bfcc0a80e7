"""Compare an exported file with the network that it was made from."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from mmsemi.datasets.lists import read_list
from mmsemi.registry import DATASETS

from ..inference import ImagePipeline
from ..sources import Image, Images, open_images
from .graph import Held, evaluating


class Comparison(NamedTuple):
    """How two networks differ.

    Attributes:
        images (int): Images compared, parts of images among them.
        pixels (int): Their pixels.
        differing (int): Pixels of which they predict different classes.
        largest (float, optional): Largest difference of a logit or a
            probability; None if only classes were compared.
    """

    images: int
    pixels: int
    differing: int
    largest: float | None = None

    @property
    def share(self) -> float:
        """Share of the pixels that differ."""
        return self.differing / self.pixels

    def __str__(self) -> str:
        text = f'{self.differing:,} of {self.pixels:,} pixels differ'
        text += f' on {self.images} images and parts of images'
        if self.differing:
            text += f' ({self.share:.1e} of all)'
        if self.largest is not None:
            text += f'; no value by more than {self.largest:.1e}'
        return text


def count(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Comparison:
    """Count the pixels that differ.

    Args:
        pairs (Iterable): Expected and found, of a batch each: classes (B, H, W), or
            logits or probabilities (B, C, H, W).

    Raises:
        ValueError: The shapes of a pair differ.
    """
    images = pixels = differing = 0
    largest = None
    for expected, found in pairs:
        if expected.shape != found.shape:
            raise ValueError(
                f'The exported file gives {found.shape} where the network gives '
                f'{expected.shape}: it does not follow the size of the images.'
            )
        if expected.ndim == 4:
            difference = float(np.abs(expected - found).max())
            largest = max(largest or 0.0, difference)
            expected, found = expected.argmax(1), found.argmax(1)
        images += len(expected)
        pixels += expected.size
        differing += int((expected != found).sum())
    return Comparison(images, pixels, differing, largest)


def images_to_compare(
    cfg: Config, images: Images | None, at_most: int
) -> list[tuple[str, Image]]:
    """Find images to compare on, evenly spread over all there are.

    Args:
        cfg (Config): Config whose validation images are taken if ``images`` is
            None.
        images: As in :func:`mmsemi.apis.open_images`, or a list of images as a
            ``.txt`` file (its lines are relative to the config's data root, or to
            the current folder).
        at_most (int): Number of images.

    Returns:
        list: Names and images.

    Raises:
        FileNotFoundError: There are none.
    """
    if images is None:
        named = _validation_images(cfg)
    elif isinstance(images, str | Path) and Path(images).suffix == '.txt':
        named = _listed_images(cfg, Path(images))
    else:
        named = list(open_images(images))
    chosen = np.linspace(0, len(named) - 1, min(at_most, len(named))).round()
    return [named[int(i)] for i in chosen]


def _dataset(cfg: Config) -> dict:
    return (cfg.get('val_dataloader') or cfg.test_dataloader).dataset


def _validation_images(cfg: Config) -> list[tuple[str, Image]]:
    try:
        dataset = DATASETS.build(_dataset(cfg))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{error} An exported file is compared with the network on validation '
            'images; to take others, give --images FOLDER.'
        ) from error
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    return [(path, path) for path in paths]


def _listed_images(cfg: Config, file: Path) -> list[tuple[str, Image]]:
    root = Path(_dataset(cfg).get('data_root') or '.')
    paths = []
    for image, _ in read_list(file):
        path = root / image if (root / image).is_file() else Path(image)
        if not path.is_file():
            raise FileNotFoundError(
                f'The list {file} names {image}, which is neither in {root} nor in '
                'the current folder.'
            )
        paths.append((str(path), str(path)))
    return paths


def batches(
    model: nn.Module, images: Iterable[tuple[str, Image]], held: Held
) -> Iterator[np.ndarray]:
    """Load images as an exported file takes them, in batches.

    Each image is a batch of its own, after the transforms of the test pipeline.
    Of the first, two equal parts of another size are a batch, too: a file that
    follows neither the size nor the number of images would show here.

    Yields:
        ndarray: (B, H, W, C) uint8.
    """
    pipeline = ImagePipeline(model)
    for i, (_, image) in enumerate(images):
        loaded = pipeline(image)[1]['inputs'][0].permute(1, 2, 0).contiguous().numpy()
        loaded = _cut(loaded, held)
        yield loaded[None]
        if i == 0:
            height, width = (-(-side * 3 // 4) for side in loaded.shape[:2])
            parts = loaded[:height, :width], loaded[-height:, -width:]
            yield np.stack([_cut(part, held) for part in parts])


def _cut(image: np.ndarray, held: Held) -> np.ndarray:
    """Cut the middle of an image: a window, and multiples of a number of pixels."""
    sides = image.shape[:2]
    if held.window:
        sides = tuple(map(min, sides, held.window))
    sides = [side // held.multiple * held.multiple for side in sides]
    y, x = ((have - side) // 2 for have, side in zip(image.shape, sides, strict=False))
    return np.ascontiguousarray(image[y : y + sides[0], x : x + sides[1]])


def by_network(
    model: nn.Module, images: np.ndarray, held: Held, output: str
) -> np.ndarray:
    """Predict as mmseg does, for an output of an exported file.

    Args:
        model (nn.Module): From ``init_model``.
        images (ndarray): (B, H, W, C) uint8.
        held (Held): What the file holds of the evaluation.
        output (str): See :class:`ExportedNetwork`.

    Returns:
        ndarray: (B, H, W) or (B, C, H, W).
    """
    inputs = list(torch.from_numpy(images).permute(0, 3, 1, 2))
    with torch.no_grad(), evaluating(model, held.test_cfg):
        results = model.test_step(dict(inputs=inputs))
    if output == 'classes':
        return np.concatenate([result.pred_sem_seg.data.cpu() for result in results])
    logits = torch.stack([result.seg_logits.data for result in results]).cpu()
    return (logits if output == 'logits' else logits.softmax(1)).numpy()
