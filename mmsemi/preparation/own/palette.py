"""Choose the colors of classes that have none."""

import cv2
import numpy as np

# Found by moving one color after another away from its nearest one, the distance
# being the smallest of those that people with normal vision, without red, without
# green and without blue cones see: at least 21 in CIELAB between all 20, 43 between
# the first 5.  None is near black (ignored pixels) or white (paper).
DISTINCT = (
    (150, 15, 0), (0, 30, 255), (240, 240, 0), (0, 255, 165), (210, 120, 180),
    (90, 60, 90), (135, 150, 255), (0, 135, 105), (135, 165, 90), (165, 240, 225),
    (255, 135, 0), (90, 15, 180), (240, 180, 255), (210, 75, 15), (225, 0, 195),
    (120, 45, 45), (0, 75, 135), (150, 75, 255), (195, 240, 105), (75, 195, 150),
)  # fmt: skip
DARKEST, LIGHTEST = 25, 93  # lightness in CIELAB, 0..100


def class_palette(count: int) -> list[list[int]]:
    """Return a color for every class, none of them black and no two alike.

    Up to 20 stay distinct for people who are color-blind.  Further ones are, one
    after another, the color that is farthest in CIELAB from all before it.

    Args:
        count (int): Number of classes, at most 255.

    Returns:
        list[list[int]]: RGB, 0..255; the first ``n`` are the same for every count.
    """
    palette = [list(color) for color in DISTINCT[:count]]
    if count <= len(DISTINCT):
        return palette
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    places = lab(grid)
    between = (places[:, 0] > DARKEST) & (places[:, 0] < LIGHTEST)
    grid, places = grid[between], places[between]
    nearest = np.min(
        [np.linalg.norm(places - known, axis=1) for known in lab(np.array(DISTINCT))],
        axis=0,
    )
    while len(palette) < count:
        farthest = int(nearest.argmax())
        palette.append(grid[farthest].tolist())
        distance = np.linalg.norm(places - places[farthest], axis=1)
        nearest = np.minimum(nearest, distance)
    return palette


def lab(colors: np.ndarray) -> np.ndarray:
    """Convert RGB colors (N, 3), 0..255, to CIELAB (N, 3), with L in 0..100."""
    pixels = np.asarray(colors, np.float32)[None] / 255
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[0]
