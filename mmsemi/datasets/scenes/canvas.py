"""Tools for painting scenes: random draws, noise, shapes, a canvas.

Rule: to compute a pixel, use only operations that IEEE 754 rounds exactly
(``+ - * /``, square root, floor, comparisons, each as a NumPy operation of its
own), and take random numbers from ``Generator.random`` only. No sine, no
power, no sum over an array, no matrix product of fractions: they differ in the
last bit between processors and libraries, and sometimes that bit decides a
pixel. With this rule, the same seed gives the same scenes everywhere.

Shapes are signed distances, negative inside, in the frame of an object: u to
the right, v up.
"""

from collections.abc import Sequence
from typing import Any, Optional, TypeVar

import numpy as np

Floats = Any  # a float, or an array of them
Option = TypeVar('Option')
Point = tuple[float, float]


class Dice:
    """Random draws from a key, for example ``Dice(seed, split, index)``."""

    def __init__(self, *key: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(key)).random

    def between(self, low: float, high: float) -> float:
        """Draw a number in [low, high)."""
        return low + (high - low) * self._random()

    def chance(self, probability: float) -> bool:
        """Draw True with a probability."""
        return self._random() < probability

    def count(self, low: int, high: int) -> int:
        """Draw an integer in low..high, both included."""
        return low + int((high - low + 1) * self._random())

    def pick(self, options: Sequence[Option]) -> Option:
        """Draw one of the options."""
        return options[int(len(options) * self._random())]

    def grid(self, *shape: int) -> np.ndarray:
        """Draw an array of numbers in [0, 1)."""
        return self._random(shape)

    def shuffled(self, count: int) -> list[int]:
        """Draw an order of the numbers 0..count-1."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.count(0, last)
            order[last], order[other] = order[other], order[last]
        return order

    def color(
        self, modes: Sequence[tuple[int, int, int]], spread: float = 0.06
    ) -> np.ndarray:
        """Draw a colour (3,) in [0, 1].

        It is between two of the modes (8-bit RGB), mostly close to the first,
        then a little lighter or darker and of another hue.
        """
        first, second = rgb(self.pick(modes)), rgb(self.pick(modes))
        share = self._random()
        color = first + (second - first) * (share * share)
        color = color * self.between(0.87, 1.13)
        return np.clip(color + spread * (self.grid(3) - 0.5), 0, 1)


def rgb(color: Sequence[int]) -> np.ndarray:
    """Convert an 8-bit RGB triple to an array (3,) in [0, 1]."""
    return np.array(color) / 255


def mix(a: Floats, b: Floats, share: Floats) -> Floats:
    """Interpolate from ``a`` (share 0) to ``b`` (share 1)."""
    return a + (b - a) * share


def fraction(x: Floats) -> Floats:
    """Return the part of x after the decimal point, in [0, 1)."""
    return x - np.floor(x)


def wave(x: Floats) -> Floats:
    """Evaluate a smooth wave of period 1 and range [-1, 1] (parabolic arcs)."""
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

    def __call__(
        self, u: Floats, v: Floats, octaves: int = 3, footprint: Floats = 0.0
    ) -> Floats:
        """Evaluate the noise at (u, v): about -0.7..0.7 with mean 0.

        ``footprint`` is the distance of neighbouring pixels in (u, v): octaves
        too fine for it fade out instead of becoming grain.
        """
        u, v = np.broadcast_arrays(u, v)
        total: Floats = 0.0
        weight, scale = 1.0, 1
        for _ in range(octaves):
            kept = np.clip(1.6 - 1.6 * scale * footprint, 0, 1)
            total = total + weight * kept * self._octave(
                u * scale + 17 * scale, v * scale + 29 * scale
            )
            weight, scale = weight * 0.6, scale * 2
        return total


def ellipse(u: Floats, v: Floats, cu: Floats, cv: Floats, a: float, b: float) -> Floats:
    """Return the approximate distance to an ellipse about (cu, cv)."""
    u, v = (u - cu) / a, (v - cv) / b
    return (np.sqrt(u * u + v * v) - 1) * min(a, b)


def box(
    u: Floats, v: Floats, left: float, bottom: float, right: float, top: float
) -> Floats:
    """Return the distance to a rectangle."""
    return np.maximum(np.maximum(left - u, u - right), np.maximum(bottom - v, v - top))


def polygon(u: Floats, v: Floats, *corners: Point) -> Floats:
    """Return the distance to a convex polygon, its corners counter-clockwise."""
    distance: Floats = -np.inf
    for (u0, v0), (u1, v1) in zip(corners, corners[1:] + corners[:1], strict=True):
        du, dv = u1 - u0, v1 - v0
        edge = ((u - u0) * dv - (v - v0) * du) / np.sqrt(du * du + dv * dv)
        distance = np.maximum(distance, edge)
    return distance


def bar(u: Floats, v: Floats, start: Point, end: Point, width: Floats) -> Floats:
    """Return the distance to a thick line from ``start`` to ``end``."""
    du, dv = end[0] - start[0], end[1] - start[1]
    u, v = u - start[0], v - start[1]
    along = np.clip((u * du + v * dv) / (du * du + dv * dv), 0, 1)
    u, v = u - along * du, v - along * dv
    return np.sqrt(u * u + v * v) - width / 2


class Canvas:
    """A picture and its mask, with the light that everything is painted in.

    x runs right over [0, width / height], y down over [0, 1]; both are in
    picture heights.

    Args:
        size (tuple[int, int]): Height and width in pixels.
        light (ndarray): (3,) RGB factors of the daylight.
        air (ndarray): (3,) RGB of the haze in front of distant things.
    """

    def __init__(
        self, size: tuple[int, int], light: np.ndarray, air: np.ndarray
    ) -> None:
        height, width = size
        self.color = np.zeros((height, width, 3))
        self.label = np.zeros((height, width), np.uint8)
        self.light, self.air = light, air
        self.height = height
        self.aspect = width / height
        self.x = (np.arange(width) + 0.5)[None, :] / height
        self.y = (np.arange(height) + 0.5)[:, None] / height

    def whole(self, haze: Floats) -> 'Patch':
        """Return the whole canvas: u is x, v is -y."""
        rows, columns = slice(None), slice(None)
        return Patch(self, rows, columns, self.x, -self.y, self.height, haze)

    def patch(
        self,
        x: float,
        y: float,
        scale: float,
        reach: tuple[float, float, float, float],
        haze: float = 0.0,
    ) -> Optional['Patch']:
        """Return the part of the canvas around an object, in the object's frame.

        Args:
            x (float): Position of the object's origin.
            y (float): Position of the object's origin.
            scale (float): The object's unit in picture heights.
            reach (tuple): Left, bottom, right and top end in units of the
                object.
            haze (float): Share of the air in front, in [0, 1].

        Returns:
            Patch | None: None if no part of it is in the picture.
        """
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
    """A window of the canvas with its own coordinates.

    Attributes:
        u (ndarray): (1, w), to the right, in units of the object.
        v (ndarray): (h, 1), up, in units of the object.
        pixels (float): Pixels per unit.
        haze (float or ndarray): Share of the air in front, in [0, 1].
    """

    def __init__(
        self,
        canvas: Canvas,
        rows: slice,
        columns: slice,
        u: np.ndarray,
        v: np.ndarray,
        pixels: float,
        haze: Floats,
    ) -> None:
        self.canvas, self.rows, self.columns = canvas, rows, columns
        self.u, self.v, self.pixels, self.haze = u, v, pixels, haze

    @property
    def label(self) -> np.ndarray:
        """The mask in the window: (h, w) uint8, a view."""
        return self.canvas.label[self.rows, self.columns]

    @property
    def color(self) -> np.ndarray:
        """The picture in the window: (h, w, 3), a view."""
        return self.canvas.color[self.rows, self.columns]

    def paint(
        self,
        shape: np.ndarray,
        color: np.ndarray,
        label: int | None = None,
        strength: Floats = 1.0,
        glow: bool = False,
    ) -> None:
        """Paint a shape over the picture.

        Args:
            shape (ndarray): (h, w) signed distance in units, negative inside.
            color (ndarray): (3,) or (h, w, 3), in [0, 1].
            label (int, optional): Class of the pixels more than half
                covered. Defaults to None: the mask is unchanged.
            strength (float or ndarray): Opacity of the colour, in [0, 1].
            glow (bool): Whether it emits light instead of reflecting daylight.
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

    def shade(self, shape: np.ndarray, amount: Floats, softness: float = 0.0) -> None:
        """Darken a shape (amount > 0), or lighten it.

        ``softness`` is the width of its edge in units.
        """
        cover = np.clip(0.5 - shape / max(softness, 1 / self.pixels), 0, 1)
        self.color[...] *= (1 - amount * cover)[..., None]
