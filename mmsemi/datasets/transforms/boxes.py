"""Random boxes of CutMix and Cutout."""

import numpy as np

from mmsemi.structures import Box

Bounds = tuple[float, float]


def check_bounds(area: Bounds, ratio: Bounds) -> None:
    """Refuse bounds within which :func:`draw_box` might never find a box.

    Args:
        area (tuple[float, float]): Area of the box, as a share of the image.
        ratio (tuple[float, float]): Height / width of the box.

    Raises:
        ValueError: ``area`` is not ascending within (0, 1), or ``ratio`` is
            not positive or excludes a square.
    """
    if not 0 < area[0] <= area[1] < 1:
        raise ValueError(
            f'`area` is {area}, but must be ascending '
            'between 0 and 1, as in (0.02, 0.4).'
        )
    if not 0 < ratio[0] <= 1 <= ratio[1]:
        raise ValueError(
            f'`ratio` is {ratio}, but must be positive and '
            'allow a square, as in (0.3, 3.33).'
        )


def draw_box(
    height: int, width: int, area: Bounds, ratio: Bounds, redraw_area: bool = False
) -> Box:
    """Draw a box that lies inside an image.

    With ``size ~ U(area) * height * width`` and ``aspect ~ U(ratio)``, the box
    is ``int(sqrt(size / aspect))`` wide and ``int(sqrt(size * aspect))``
    high, at a uniform corner.  Aspect and corner are redrawn until it fits.

    Args:
        height (int): Of the image, in pixels.
        width (int): Of the image, in pixels.
        area (tuple[float, float]): Bounds of the area, as share of the image.
        ratio (tuple[float, float]): Bounds of height / width.
        redraw_area (bool): Redraw the size as well, which favours small
            boxes.  Defaults to False: the area stays uniform.
    """
    size = np.random.uniform(*area) * height * width
    while True:
        aspect = np.random.uniform(*ratio)
        w, h = int(np.sqrt(size / aspect)), int(np.sqrt(size * aspect))
        x, y = np.random.randint(0, width), np.random.randint(0, height)
        if x + w <= width and y + h <= height:
            return Box(x, y, x + w, y + h)
        if redraw_area:
            size = np.random.uniform(*area) * height * width
