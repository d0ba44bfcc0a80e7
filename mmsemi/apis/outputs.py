"""The files that a prediction leaves."""

import hashlib
import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmengine.model import BaseTTAModel
from PIL import Image as PIL
from torch import nn

from mmsemi.utils import passes
from mmsemi.utils.files import write_whole
from mmsemi.utils.images import write_indices, write_picture
from mmsemi.utils.storage import is_address
from mmsemi.visualization import (
    colorize,
    draw_legend,
    draw_segmentation,
    overlay,
    save_mask,
    viewable,
)

from .raster import Raster
from .sources import Image
from .video import writing_video

LARGEST = 4096  # pixels; pictures of larger tiled images are reduced


class Segmented(NamedTuple):
    """A segmented image.

    Attributes:
        name (str): Name of the image.
        image (ndarray or Raster): (H, W, C), uint8; BGR if C = 3.
        mask (ndarray): The class of every pixel, (H, W), uint8.
        confidence (ndarray, optional): Its probability, from 0 to 255, (H, W),
            uint8.
        probabilities (ndarray, optional): (C, H, W), in [0, 1].
    """

    name: str
    image: np.ndarray | Raster
    mask: np.ndarray
    confidence: np.ndarray | None = None
    probabilities: np.ndarray | None = None


@dataclass(frozen=True)
class OutputFolder:
    """A folder of results, one file of each kind for every image.

    - ``masks``: class indices, PNG with the colors as palette;
    - ``colors``: the same in color; ``overlays``: over the image;
    - ``pictures``: over the image, above a legend (and beside the confidence);
    - ``confidence``: gray PNG, 255 = the probability 1;
    - ``probabilities``: npz, array ``probabilities``, float16 (C, H, W).

    ``legend.png`` has all classes.

    Args:
        folder (Path): The folder.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.
        opacity (float): Of masks over images, in [0, 1].
        legend (bool): Write ``pictures``.
        confidence (bool): Write ``confidence``.
        probabilities (bool): Write ``probabilities``.
        colors (bool): Write ``colors`` and ``overlays``.
    """

    folder: Path
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    opacity: float = 0.5
    legend: bool = False
    confidence: bool = False
    probabilities: bool = False
    colors: bool = True

    @property
    def kinds(self) -> dict[str, str]:
        """Names of the folders inside, with the suffix of their files."""
        kinds = dict(colors='.png', overlays='.png') if self.colors else {}
        if self.legend:
            kinds['pictures'] = '.png'
        if self.confidence:
            kinds['confidence'] = '.png'
        if self.probabilities:
            kinds['probabilities'] = '.npz'
        return dict(kinds, masks='.png')

    def file(self, kind: str, name: str) -> Path:
        """Return the path of a result."""
        return self.folder / kind / f'{name}{self.kinds[kind]}'

    def has(self, name: str, mark: str) -> bool:
        """Tell whether an image has all its results, computed from the same."""
        if not all(self.file(kind, name).is_file() for kind in self.kinds):
            return False
        try:
            with PIL.open(self.file('masks', name)) as mask:
                return mask.info.get(MARK) == self._mark(mark)
        except OSError:
            return False

    def save(self, result: Segmented, mark: str) -> None:
        """Write all results of an image, its mask last.

        Args:
            result (Segmented): The results.
            mark (str): What they were computed from, see :func:`mark`.

        Raises:
            OSError: There is no room, or no permission.
        """
        name, mask = result.name, result.mask
        if self.colors or self.legend:
            self._save_pictures(result)
        if self.confidence:
            write_indices(self.file('confidence', name), result.confidence)
        if self.probabilities:
            content = io.BytesIO()
            probabilities = result.probabilities.astype(np.float16)
            np.savez_compressed(content, probabilities=probabilities)
            write_whole(self.file('probabilities', name), content.getvalue())
        # Last, since it says that all others are there.
        note = {MARK: self._mark(mark)}
        save_mask(mask, self.palette, self.file('masks', name), note)

    def _save_pictures(self, result: Segmented) -> None:
        name, mask = result.name, result.mask
        image, factor = result.image, 1
        if isinstance(image, Raster):
            factor = math.ceil(max(image.shape) / LARGEST)
            image = image.reduced(factor)
        image, small = viewable(image), mask[::factor, ::factor]
        if self.colors:
            write_picture(self.file('colors', name), colorize(small, self.palette))
            picture = overlay(image, small, self.palette, self.opacity)
            write_picture(self.file('overlays', name), picture)
        if self.legend:
            certain = None
            if self.confidence:
                certain = result.confidence[::factor, ::factor] / np.float32(255)
            picture = draw_segmentation(
                np.ascontiguousarray(image[..., ::-1]),
                small,
                self.classes,
                self.palette,
                confidence=certain,
                opacity=self.opacity,
            )
            write_picture(self.file('pictures', name), picture[..., ::-1])

    def save_legend(self) -> None:
        """Write the colors and names of all classes."""
        every = range(len(self.classes))
        legend = draw_legend(480, every, self.classes, self.palette, 18)
        write_picture(self.folder / 'legend.png', legend[..., ::-1])

    def style(self) -> str:
        """Return what decides the content of the files, but network and images."""
        return f'{self._mark("")} {sorted(self.kinds)}'

    def _mark(self, mark: str) -> str:
        """Add what else decides the content of the files."""
        beside = self.legend and self.confidence  # in `pictures`
        return f'{mark} {self.opacity} {self.classes} {self.palette} {beside}'


@dataclass(frozen=True)
class OutputVideo:
    """A video of the images under their masks, of the images' size.

    Args:
        file (Path): See :func:`writing_video`.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.
        opacity (float): Of masks over images, in [0, 1].
        legend (bool): Draw the names of all classes over the bottom.
        fps (float, optional): Frames per second.  Defaults to those of the
            images, or 25.
    """

    file: Path
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    opacity: float = 0.5
    legend: bool = False
    fps: float | None = None

    @contextmanager
    def writing(self, fps: float) -> Iterator[Callable[[Segmented], None]]:
        """Write results as they come.

        Args:
            fps (float): Frames per second of the images, 0 if unknown.

        Yields:
            Callable: Adds a result.
        """
        with writing_video(self.file, self.fps or fps) as write:
            yield lambda result: write(self.draw(result))

    def draw(self, result: Segmented) -> np.ndarray:
        """Draw a frame, (H, W, 3), uint8, BGR."""
        image = viewable(result.image)
        frame = overlay(image, result.mask, self.palette, self.opacity)
        if self.legend:
            height, width = frame.shape[:2]
            every = range(len(self.classes))
            size = math.sqrt(height * width) / 45
            legend = draw_legend(width, every, self.classes, self.palette, size)
            legend = legend[:height, :, ::-1]
            part = frame[height - len(legend) :]
            part[:] = cv2.addWeighted(part, 0.2, np.ascontiguousarray(legend), 0.8, 0)
        return frame


MARK = 'mmsemi'  # key of the mark among a PNG's texts


def fingerprint(model: nn.Module, **options: Any) -> str:
    """Summarize what decides a network's predictions.

    Args:
        model (nn.Module): Network from :func:`init_model`.
        **options: What else decides them.

    Returns:
        str: 16 hexadecimal digits, of the weights, the test pipeline and the
        evaluation.
    """
    tta = isinstance(model, BaseTTAModel)
    pipeline = model.cfg.tta_pipeline if tta else model.cfg.test_pipeline
    settings = pipeline, model.cfg.model, sorted(options.items())
    return passes.fingerprint(model.state_dict(), settings)


def mark(network: str, image: Image) -> str:
    """Name a network and the state of an image.

    Args:
        network (str): From :func:`fingerprint`.
        image: File, by size and time of its last change, address, or array.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if isinstance(image, np.ndarray):
        state = hashlib.sha256(np.ascontiguousarray(image)).hexdigest()[:16]
    elif is_address(image):
        state = str(image)
    else:
        status = Path(image).stat()
        state = f'{status.st_size} {status.st_mtime_ns}'
    return f'{network} {state}'
