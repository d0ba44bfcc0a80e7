"""Draw the values of pixels over an image."""

import cv2
import numpy as np


def heat_map(
    image: np.ndarray,
    values: np.ndarray,
    point: tuple[int, int] | None = None,
    opacity: float = 0.7,
) -> np.ndarray:
    """Draw a map of values over its image, from dark (lowest) to bright.

    Args:
        image (ndarray): (H, W, 3), uint8, BGR.
        values (ndarray): (h, w), any range; resized bilinearly with aligned
            corners.
        point (tuple, optional): Pixel (x, y) to mark with a cross.
        opacity (float): Opacity of the map, in [0, 1].

    Returns:
        ndarray: (H, W, 3), uint8, BGR.
    """
    height, width = image.shape[:2]
    values = values.astype(np.float32) - values.min()
    values /= max(values.max(), np.finfo(np.float32).tiny)
    y, x = (
        np.linspace(0, small - 1, large, dtype=np.float32)
        for small, large in zip(values.shape, (height, width), strict=True)
    )
    values = cv2.remap(values, *np.meshgrid(x, y), cv2.INTER_LINEAR)
    colors = cv2.applyColorMap(
        np.rint(255 * values).astype(np.uint8), cv2.COLORMAP_INFERNO
    )
    picture = cv2.addWeighted(image, 1 - opacity, colors, opacity, 0)
    if point is not None:
        cv2.drawMarker(
            picture,
            point,
            (255, 255, 255),
            cv2.MARKER_CROSS,
            markerSize=max(height, width) // 20,
            thickness=max(1, max(height, width) // 250),
        )
    return picture
