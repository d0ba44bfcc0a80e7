"""Draw masks over their images, with a legend."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .masks import colorize

SMALLEST = 360  # pixels; smaller images are enlarged, as no text would fit
PAPER, INK, LINE = (255, 255, 255), (20, 20, 20), (110, 110, 110)
IGNORED = 'ignored'  # the name of pixels beyond the classes
FONT = Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf')


def draw_segmentation(
    image: np.ndarray,
    mask: np.ndarray,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    *,
    truth: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    with_image: bool = False,
    opacity: float = 0.5,
) -> np.ndarray:
    """Draw a prediction over its image above a legend of the classes that occur.

    Args:
        image (ndarray): (H, W, 3), uint8, RGB.
        mask (ndarray): Predicted classes, (H, W), 0..255; those beyond the
            classes are ignored pixels and drawn black.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.
        truth (ndarray, optional): True classes, likewise: a second panel to
            the left of the prediction.
        confidence (ndarray, optional): (H, W), in [0, 1]: a panel to the
            right of the prediction, from dark (0) to bright (1).
        with_image (bool): Whether the image itself is the first panel.
            Defaults to False.
        opacity (float): Opacity of the masks, in [0, 1].

    Returns:
        ndarray: uint8, RGB.  The panels have the size of the image; one whose
        longer side is below 360 pixels is enlarged by a whole factor.

    Raises:
        ValueError: A mask or the confidence has another size than the image.
    """
    for what, values in dict(mask=mask, truth=truth, confidence=confidence).items():
        if values is not None and values.shape != image.shape[:2]:
            raise ValueError(
                f'The {what} has the shape {values.shape}, but its image has '
                f'{image.shape[:2]}: give the one that belongs to it.'
            )
    panels = dict(image=image) if with_image else {}
    if truth is not None:
        panels['truth'] = blend(image, truth, palette, opacity)
    panels['prediction'] = blend(image, mask, palette, opacity)
    if confidence is not None:
        panels['confidence'] = confidence_map(confidence)
    masks = [each for each in (mask, truth) if each is not None]
    occurring = sorted({int(i) for each in masks for i in np.unique(each)})

    return lay_out(panels, occurring, classes, palette)


def lay_out(
    panels: Mapping[str, np.ndarray],
    indices: Sequence[int],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    columns: int | None = None,
) -> np.ndarray:
    """Lay out pictures of one size with their names, above a legend of classes.

    Args:
        panels (Mapping): Pictures (H, W, 3), uint8, RGB, by name.  One named
            ``confidence`` gets a scale.
        indices (Sequence[int]): Classes of the legend, as in :func:`draw_legend`.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.
        columns (int, optional): Pictures in a row.  Defaults to None: all.

    Returns:
        ndarray: uint8, RGB.  The pictures have their size, or, if their longer
        side is below 360 pixels, a multiple of it.
    """
    columns = columns or len(panels)
    pictures = list(panels.values())
    factor = math.ceil(SMALLEST / max(pictures[0].shape[:2]))
    pictures = [_enlarge(picture, factor) for picture in pictures]
    height, width = pictures[0].shape[:2]
    rows = math.ceil(len(pictures) / columns)
    gap = max(4, width // 100) if columns > 1 else 0
    total = columns * width + (columns - 1) * gap
    font = _font(math.sqrt(total * height) / 45)
    title = round(2 * font.size) if len(pictures) > 1 else 0
    line = title + height
    legend = draw_legend(total, indices, classes, palette, font.size)

    page = Image.new('RGB', (total, rows * line + len(legend)), PAPER)
    draw = ImageDraw.Draw(page)
    for i, (name, picture) in enumerate(zip(panels, pictures, strict=True)):
        left, top = i % columns * (width + gap), i // columns * line
        page.paste(Image.fromarray(picture), (left, top + title))
        if title:
            place = left + width // 2, top + title // 2
            draw.text(place, name, INK, font, anchor='mm')
        if name == 'confidence':
            _draw_scale(page, left + width, top, title, font)
    page.paste(Image.fromarray(legend), (0, rows * line))
    return np.asarray(page)


def draw_legend(
    width: int,
    indices: Sequence[int],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    font_size: float,
) -> np.ndarray:
    """Draw the colors and names of some classes in aligned columns.

    Args:
        width (int): Of the legend, in pixels.
        indices (Sequence[int]): The classes, in order; all beyond the names
            are one entry, black.
        classes (Sequence[str]): Name of every class.
        palette (Sequence): RGB color of every class, 0..255.
        font_size (float): In pixels; at least 13 are used.

    Returns:
        ndarray: (h, width, 3), uint8, RGB: dark text on white.
    """
    font = _font(font_size)
    size = round(font.size)
    known = [i for i in indices if i < len(classes)]
    names, colors = [str(classes[i]) for i in known], [tuple(palette[i]) for i in known]
    if len(known) < len(indices):
        names, colors = [*names, IGNORED], [*colors, (0, 0, 0)]
    margin, inner = size // 2, 2 * size  # the color takes up `inner`
    room = width - 2 * margin - inner
    names = [_shorten(name, font, room) for name in names]
    longest = max((font.getlength(name) for name in names), default=0)
    column = math.ceil(inner + longest + size)
    columns = max(1, (width - 2 * margin + size) // column)
    rows = math.ceil(len(names) / columns)
    line = round(1.6 * size)
    legend = Image.new('RGB', (width, rows * line + 2 * margin), PAPER)
    draw = ImageDraw.Draw(legend)
    for i, (name, color) in enumerate(zip(names, colors, strict=True)):
        x = margin + i % columns * column
        y = margin + i // columns * line + line // 2
        box = x, y - size // 2, x + round(1.5 * size), y + size // 2
        draw.rectangle(box, color, LINE)
        draw.text((x + inner, y), name, INK, font, anchor='lm')
    return np.asarray(legend)


def _font(size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), max(13, round(size)))


def _shorten(name: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    """Cut a name to a width in pixels."""
    if font.getlength(name) <= room:
        return name
    while name and font.getlength(f'{name}…') > room:
        name = name[:-1]
    return f'{name}…'


def blend(
    image: np.ndarray, mask: np.ndarray, palette: Sequence, opacity: float
) -> np.ndarray:
    """Draw a mask over its image, RGB."""
    colors = np.ascontiguousarray(colorize(mask, palette)[..., ::-1])
    return cv2.addWeighted(image, 1 - opacity, colors, opacity, 0)


def confidence_map(confidence: np.ndarray) -> np.ndarray:
    """Draw values from 0 to 1 as colors from dark to bright, RGB."""
    levels = np.rint(255 * confidence.astype(np.float32).clip(0, 1)).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[..., ::-1]


def _enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    return picture.repeat(factor, 0).repeat(factor, 1)


def _draw_scale(
    page: Image.Image, right: int, top: int, title: int, font: ImageFont.FreeTypeFont
) -> None:
    """Draw the colors of confidence 0 to 1 at the right end of a title."""
    size = round(font.size)
    values = np.linspace(0, 1, 4 * size)[None].repeat(size, 0)
    bar = Image.fromarray(np.ascontiguousarray(confidence_map(values)))
    draw = ImageDraw.Draw(page)
    middle = top + title // 2
    draw.text((right - size // 2, middle), '1', INK, font, anchor='rm')
    left = right - round(1.5 * size) - bar.width
    page.paste(bar, (left, middle - size // 2))
    draw.text((left - size // 2, middle), '0', INK, font, anchor='rm')
