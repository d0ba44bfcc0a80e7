"""What the painters of the built-in scenes draw with.

Only operations that IEEE 754 rounds exactly are used on the way to a pixel
(``+ - * /``, square root, floor, comparisons, each as a numpy operation of
its own) and random numbers come from ``Generator.random`` alone.  No sine,
no power, no sum over an array, no matrix product of fractions: those differ
in the last bit between processors and libraries, and now and then that bit
decides a pixel.  So the same seed gives the same scenes everywhere.
"""

from collections.abc import Sequence
from typing import Optional

import numpy as np


class Dice:
    """Random draws named by a key, e.g. ``Dice(seed, split, index)``."""

    def __init__(self, *key: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(key)).random

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def count(self, low: int, high: int) -> int:
        """An integer of low..high, both included."""
        return low + int((high - low + 1) * self._random())

    def pick(self, options: Sequence):
        return options[int(len(options) * self._random())]

    def grid(self, *shape: int) -> np.ndarray:
        """An array of numbers in [0, 1)."""
        return self._random(shape)

    def shuffled(self, count: int) -> list[int]:
        """The numbers 0..count-1 in random order."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.count(0, last)
            order[last], order[other] = order[other], order[last]
        return order

    def color(
        self, modes: Sequence[tuple[int, int, int]], spread: float = 0.06
    ) -> np.ndarray:
        """A colour (3,) in [0, 1]: between two of the modes, mostly close to
        the first, then a little lighter or darker and off in hue."""
        first, second = rgb(self.pick(modes)), rgb(self.pick(modes))
        share = self._random()
        color = first + (second - first) * (share * share)
        color = color * self.between(0.87, 1.13)
        return np.clip(color + spread * (self.grid(3) - 0.5), 0, 1)


def rgb(color: Sequence[int]) -> np.ndarray:
    """An 8-bit RGB triple as an array (3,) in [0, 1]."""
    return np.array(color) / 255


def mix(a, b, share) -> np.ndarray:
    """``a`` where share is 0, ``b`` where it is 1."""
    return a + (b - a) * share


def fraction(x):
    """The part of x after the point, in [0, 1)."""
    return x - np.floor(x)


def wave(x):
    """A smooth wave of period 1 and range [-1, 1] (parabolic arcs)."""
    x = 2 * fraction(x) - 1
    return 4 * x * (1 - np.abs(x))


class Noise:
    """Multi-octave value noise over a plane.

    Args:
        dice (Dice): Draws the lattice.
    """

    def __init__(self, dice: Dice) -> None:
        self.lattice = (dice.grid(64, 64) - 0.5).ravel()

    def _octave(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        left, top = np.floor(u), np.floor(v)
        fu, fv = u - left, v - top
        fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
        left, top = left.astype(np.int64), top.astype(np.int64)
        columns = left & 63, (left + 1) & 63
        rows = (top & 63) << 6, ((top + 1) & 63) << 6
        a, b, c, d = (self.lattice[r + c] for r in rows for c in columns)
        upper, lower = mix(a, b, fu), mix(c, d, fu)
        return mix(upper, lower, fv)

    def __call__(self, u, v, octaves: int = 3, footprint=0.0) -> np.ndarray:
        """Noise at (u, v), about -0.7..0.7, the mean 0.

        ``footprint`` is how far apart neighbouring pixels are in (u, v):
        octaves too fine for it fade out instead of turning into grain.
        """
        u, v = np.broadcast_arrays(u, v)
        total, weight, scale = 0.0, 1.0, 1
        for _ in range(octaves):
            kept = np.clip(1.6 - 1.6 * scale * footprint, 0, 1)
            total = total + weight * kept * self._octave(
                u * scale + 17 * scale, v * scale + 29 * scale
            )
            weight, scale = weight * 0.6, scale * 2
        return total


def ellipse(u, v, cu, cv, a, b):
    """Distance (roughly) to an ellipse, negative inside, as all shapes."""
    u, v = (u - cu) / a, (v - cv) / b
    return (np.sqrt(u * u + v * v) - 1) * min(a, b)


def box(u, v, left, bottom, right, top):
    """Distance to a rectangle."""
    return np.maximum(np.maximum(left - u, u - right), np.maximum(bottom - v, v - top))


def polygon(u, v, *corners):
    """Distance to a convex polygon, corners counter-clockwise (v is up)."""
    distance = -np.inf
    for (u0, v0), (u1, v1) in zip(corners, corners[1:] + corners[:1]):
        du, dv = u1 - u0, v1 - v0
        edge = ((u - u0) * dv - (v - v0) * du) / np.sqrt(du * du + dv * dv)
        distance = np.maximum(distance, edge)
    return distance


def bar(u, v, start, end, width):
    """Distance to a thick line from ``start`` to ``end``."""
    du, dv = end[0] - start[0], end[1] - start[1]
    u, v = u - start[0], v - start[1]
    along = np.clip((u * du + v * dv) / (du * du + dv * dv), 0, 1)
    u, v = u - along * du, v - along * dv
    return np.sqrt(u * u + v * v) - width / 2


class Canvas:
    """A picture and its mask, with the light everything is painted in.

    x runs right over [0, width / height], y down over [0, 1]; both in
    units of the picture's height.

    Args:
        size (Tuple[int, int]): Width and height in pixels.
        light (np.ndarray): RGB factors of the daylight.
        air (np.ndarray): RGB of the haze in front of what is far.
    """

    def __init__(
        self, size: tuple[int, int], light: np.ndarray, air: np.ndarray
    ) -> None:
        width, height = size
        self.color = np.zeros((height, width, 3))
        self.label = np.zeros((height, width), np.uint8)
        self.light, self.air = light, air
        self.height = height
        self.aspect = width / height
        self.x = (np.arange(width) + 0.5)[None, :] / height
        self.y = (np.arange(height) + 0.5)[:, None] / height

    def patch(
        self,
        x: float = 0.0,
        y: float = 0.0,
        scale: float = 1.0,
        reach: tuple[float, float, float, float] | None = None,
        haze=0.0,
    ) -> Optional['Patch']:
        """The part of the canvas around an object, in the object's frame.

        Args:
            x, y (float): Where the object's origin stands.
            scale (float): The object's unit in picture heights.
            reach (tuple, optional): Left, bottom, right and top end in
                units of the object. Defaults to the whole canvas.
            haze (float or array): How much of the air is in front.

        Returns:
            Patch | None: None where nothing of it is in the picture.
        """
        rows, columns = slice(None), slice(None)
        if reach is not None:
            n = self.height
            ends = (x + scale * reach[0]) * n, (x + scale * reach[2]) * n + 1
            columns = slice(*(max(0, int(end)) for end in ends))
            ends = (y - scale * reach[3]) * n, (y - scale * reach[1]) * n + 1
            rows = slice(*(max(0, int(end)) for end in ends))
        if self.label[rows, columns].size == 0:
            return None
        return Patch(
            self,
            rows,
            columns,
            (self.x[:, columns] - x) / scale,
            (y - self.y[rows]) / scale,
            scale * self.height,
            haze,
        )


class Patch:
    """A window of the canvas with coordinates of its own.

    Attributes:
        u, v (np.ndarray): (1, w) to the right and (h, 1) up, in units of
            the object.
        pixels (float): Pixels per unit.
    """

    def __init__(self, canvas, rows, columns, u, v, pixels, haze) -> None:
        self.canvas, self.rows, self.columns = canvas, rows, columns
        self.u, self.v, self.pixels, self.haze = u, v, pixels, haze

    @property
    def label(self) -> np.ndarray:
        """The mask in the window, (h, w), a view."""
        return self.canvas.label[self.rows, self.columns]

    @property
    def color(self) -> np.ndarray:
        """The picture in the window, (h, w, 3), a view."""
        return self.canvas.color[self.rows, self.columns]

    def paint(
        self, shape, color, label: int | None = None, strength=1.0, glow: bool = False
    ) -> None:
        """Lay a shape over what is there.

        Args:
            shape (np.ndarray): Signed distance in units, negative inside.
            color (np.ndarray): (3,) or (h, w, 3), in [0, 1].
            label (int, optional): Class of the pixels more than half
                covered. Defaults to leaving the mask as it is.
            strength (float or np.ndarray): Opacity of the colour.
            glow (bool): Whether it gives its own light.
        """
        cover = np.clip(0.5 - shape * self.pixels, 0, 1)
        if not glow:
            color = color * self.canvas.light
        haze = np.asarray(self.haze)
        haze = haze[..., None] if haze.ndim else haze
        color = mix(color, self.canvas.air, haze)
        target = self.color
        target += (color - target) * (cover * strength)[..., None]
        if label is not None:
            self.label[cover > 0.5] = label

    def shade(self, shape, amount, softness: float = 0.0) -> None:
        """Darken (amount > 0) or lighten a shape; ``softness`` is the width
        of its edge in units."""
        cover = np.clip(0.5 - shape / max(softness, 1 / self.pixels), 0, 1)
        self.color[...] *= (1 - amount * cover)[..., None]
