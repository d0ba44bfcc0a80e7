"""Masks as files and as pictures."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmsemi.utils.files import write_whole


def save_mask(
    mask: np.ndarray, palette: Sequence[Sequence[int]], file: str | Path
) -> None:
    """Write class indices as a PNG that viewers show in colour, whole or not.

    Args:
        mask (ndarray): (H, W), 0..255.
        palette (Sequence): RGB of every class.
        file (str or Path): Its folder is made.
    """
    picture = Image.fromarray(mask.astype(np.uint8), mode='P')
    picture.putpalette([level for colour in palette for level in colour])
    content = io.BytesIO()
    picture.save(content, 'PNG')
    write_whole(file, content.getvalue())


def colorize(mask: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Class indices in the palette's colours; what has none is black.

    Args:
        mask (ndarray): (H, W), 0..255.
        palette (Sequence): RGB of every class.

    Returns:
        ndarray: (H, W, 3), uint8, BGR.
    """
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return table[mask.astype(np.uint8)][..., ::-1]


def viewable(image: np.ndarray) -> np.ndarray:
    """The first three channels of (H, W, C) as BGR; the first where C < 3."""
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
    """A coloured mask over its image.

    Args:
        image (ndarray): (H, W, 3), uint8, BGR.
        mask (ndarray): (H, W), 0..255.
        palette (Sequence): RGB of every class.
        opacity (float): Of the mask, in [0, 1].

    Returns:
        ndarray: (H, W, 3), uint8, BGR.
    """
    return cv2.addWeighted(image, 1 - opacity, colorize(mask, palette), opacity, 0)
