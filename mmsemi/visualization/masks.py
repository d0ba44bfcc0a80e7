"""Write masks as files and draw them as pictures."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mmsemi.utils.files import write_whole


def save_mask(
    mask: np.ndarray,
    palette: Sequence[Sequence[int]],
    file: str | Path,
    notes: dict[str, str] | None = None,
) -> None:
    """Write class indices as a PNG that viewers show in color.

    The file is complete or absent, even if the process is killed.

    Args:
        mask (ndarray): (H, W), 0..255; indices beyond the palette are black.
        palette (Sequence): RGB color of every class, 0..255.
        file (str or Path): File to write; its folder is created.
        notes (dict, optional): Texts that the file carries.
    """
    picture = Image.fromarray(np.asarray(mask, np.uint8))  # gray
    levels = [level for color in palette for level in color]
    if picture.getextrema()[1] >= len(palette):  # PIL writes as few bits as it needs
        levels += [0] * (3 * 256 - len(levels))
    picture.putpalette(levels)
    texts = PngInfo()
    for key, text in (notes or {}).items():
        texts.add_text(key, text)
    content = io.BytesIO()
    picture.save(content, 'PNG', pnginfo=texts)
    write_whole(file, content.getvalue())


def colorize(mask: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Draw class indices in the colors of a palette.

    Args:
        mask (ndarray): (H, W), 0..255; indices beyond the palette are black.
        palette (Sequence): RGB color of every class, 0..255.

    Returns:
        ndarray: (H, W, 3), uint8, BGR.
    """
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return table[mask.astype(np.uint8)][..., ::-1]


def viewable(image: np.ndarray) -> np.ndarray:
    """Return an image (H, W, C) uint8 as BGR (H, W, 3).

    With more than three channels, the first three are taken as RGB; with
    fewer, the first one becomes gray.
    """
    channels = image.shape[2]
    if channels == 3:
        return image
    return image[..., 2::-1] if channels > 3 else np.repeat(image[..., :1], 3, 2)


def overlay(
    image: np.ndarray,
    mask: np.ndarray,
    palette: Sequence[Sequence[int]],
    opacity: float = 0.5,
) -> np.ndarray:
    """Draw a mask over its image in the colors of a palette.

    Args:
        image (ndarray): (H, W, 3), uint8, BGR.
        mask (ndarray): (H, W), 0..255.
        palette (Sequence): RGB color of every class, 0..255.
        opacity (float): Opacity of the mask, in [0, 1].

    Returns:
        ndarray: (H, W, 3), uint8, BGR.
    """
    return cv2.addWeighted(image, 1 - opacity, colorize(mask, palette), opacity, 0)
