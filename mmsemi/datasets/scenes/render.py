"""Render one scene: its plan, its things, and the camera that takes it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .canvas import Dice, Point, mix
from .classes import FIELD, ROAD, TREE
from .ground import field, mirror, ridge, road, water
from .movers import animal, car
from .objects import building, tree
from .view import View, start_view

Thing = tuple[float, Callable[..., None], tuple]


class Plan(NamedTuple):
    """Probability of a road and of water; minimum and maximum of each thing."""

    road: float
    water: float
    building: tuple[int, int]
    tree: tuple[int, int]
    car: tuple[int, int]
    animal: tuple[int, int]


PLANS = dict(
    country=Plan(
        road=0.5, water=0.5, building=(0, 2), tree=(2, 6), car=(0, 1), animal=(1, 3)
    ),
    village=Plan(
        road=0.8, water=0.3, building=(2, 4), tree=(1, 5), car=(1, 2), animal=(0, 2)
    ),
    town=Plan(
        road=1.0, water=0.2, building=(3, 7), tree=(1, 4), car=(1, 3), animal=(0, 1)
    ),
    shore=Plan(
        road=0.3, water=1.0, building=(0, 2), tree=(1, 5), car=(0, 1), animal=(1, 3)
    ),
    wood=Plan(
        road=0.5, water=0.4, building=(0, 1), tree=(7, 14), car=(0, 1), animal=(1, 2)
    ),
)
COATS = (
    (240, 236, 226),
    (44, 38, 36),
    (120, 74, 44),
    (180, 140, 100),
    (150, 146, 142),
    (90, 62, 48),
    (206, 120, 60),
)


def render_scene(
    key: tuple[int, ...], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Render one scene.

    Args:
        key (tuple[int, ...]): Non-negative integers that identify it, such as
            (seed, split, index).
        size (tuple[int, int]): Height and width in pixels.

    Returns:
        tuple[ndarray, ndarray]: RGB image (H, W, 3) and mask (H, W) of class
        indices, both uint8.
    """
    dice = Dice(*key)
    plan = PLANS[dice.pick(list(PLANS))]
    view = start_view(dice, size, dice.between(0.16, 0.58), dice.between(2, 3.2))
    if dice.chance(0.6):
        ridge(view, dice.between(0.05, 0.25), 0, FIELD)
    if dice.chance(0.6):
        ridge(view, dice.between(0.03, 0.14), 0.04, TREE)
    field(view)
    if dice.chance(plan.water):
        water(view)
    if dice.chance(plan.road):
        road(view)
    things = _place(view, plan)
    mirrored = False
    for y, paint, arguments in sorted(things, key=lambda thing: thing[0]):
        if not mirrored and y > view.shore:
            mirror(view)
            mirrored = True
        paint(view, *arguments)
    if not mirrored:
        mirror(view)
    return _photograph(view), view.canvas.label


def _place(view: View, plan: Plan) -> list[Thing]:
    """Choose where things stand: (y, painter, its arguments) of each."""
    dice, canvas = view.dice, view.canvas
    things: list[Thing] = []
    ground = canvas.label.copy()

    def on(kind: int, x: float, y: float) -> bool:
        row = int(min(y * canvas.height, ground.shape[0] - 1))
        column = int(min(max(x * canvas.height, 0), ground.shape[1] - 1))
        return ground[row, column] == kind

    def spot(kind: int, near: float, far: float) -> Point | None:
        """Draw a place on that ground between two distances, or None."""
        for _ in range(12):
            depth = dice.between(far, near)
            y = view.horizon + (1.05 - view.horizon) * depth
            x = dice.between(-0.05, 1.05) * canvas.aspect
            if on(kind, x, y):
                return x, y
        return None

    def beside(
        place: Point | None, others: Point | None, width: float, length: float
    ) -> Point | None:
        """Return the place, or one close to the others."""
        if place and others and dice.chance(0.5):
            x = others[0] + dice.between(-width, width)
            y = others[1] + dice.between(0, length)
            return (x, y) if on(FIELD, x, y) else place
        return place

    row = dice.between(0.1, 0.28)
    for _ in range(dice.count(*plan.building)):
        near, far = (row, row * 0.7) if dice.chance(0.6) else (0.4, 0.1)
        place = spot(FIELD, near, far)
        if place:
            tall = plan.building[1] > 4 and dice.chance(0.5)
            height = dice.between(8, 20) if tall else dice.between(2.8, 7)
            things.append((place[1], building, (*place, dice.between(5, 11), height)))
    grove = spot(FIELD, 0.5, 0.04)
    for _ in range(dice.count(*plan.tree)):
        place = beside(spot(FIELD, 0.5, 0.04), grove, 0.3, 0.02)
        if place:
            limit = dice.between(0.5, 1.0) / view.metre(place[1])
            height = min(dice.between(3, 10), limit)
            things.append((place[1], tree, (*place, height)))
    for _ in range(dice.count(*plan.car)):
        place = spot(ROAD, 0.7, 0.3)
        if not place and dice.chance(0.4):
            place = spot(FIELD, 0.7, 0.3)
        if place:
            things.append((place[1], car, (*place, dice.chance(0.5))))
    kind = dice.pick(('cow', 'cow', 'horse', 'sheep', 'deer', 'dog'))
    coat = dice.color(COATS, 0.08)
    herd = spot(FIELD, 0.55, 0.25)
    for _ in range(dice.count(*plan.animal)):
        place = beside(spot(FIELD, 0.7, 0.3), herd, 0.4, 0.1)
        if dice.chance(0.3):
            coat = dice.color(COATS, 0.08)
        if place:
            things.append((place[1], animal, (*place, kind, coat)))
    return things


def _photograph(view: View) -> np.ndarray:
    """Take a picture of the canvas: exposure, colour cast, blur, grain, compression.

    Returns:
        ndarray: (H, W, 3) uint8.
    """
    dice = view.dice
    image: np.ndarray = np.clip(view.canvas.color, 0, 1)
    image = image * (1 + 0.55 * (dice.grid(3) - 0.5))
    # Measure the exposure in whole numbers: their sum is exact.
    mean = np.rint(image * 255).astype(np.int64).sum() / (255 * image.size)
    gain = mix(1, dice.between(0.3, 0.6) / max(mean, 0.05), 0.6)
    image = np.clip(image * gain, 0, 1)
    bend = dice.between(-0.35, 0.35)
    image = image + bend * image * (1 - image)
    grey = (image[..., :1] + 2 * image[..., 1:2] + image[..., 2:]) / 4
    image = mix(grey, image, dice.between(0.4, 1.25))
    for _ in range(dice.pick((0, 0, 0, 1))):
        image = _blur(image, dice.between(0.1, 0.24))
    grain = dice.grid(*image.shape) + dice.grid(*image.shape) - 1
    image = image + grain * dice.between(0.005, 0.03)
    image = np.rint(np.clip(image, 0, 1) * 255)
    if dice.chance(0.5):
        image = _compress(image, dice.count(2, 8))
    return image.astype(np.uint8)


def _blur(image: np.ndarray, weight: float) -> np.ndarray:
    """Blur with (weight, 1 - 2 weight, weight) along both axes."""
    for axis in (0, 1):
        padded = np.pad(
            image, [(1, 1) if i == axis else (0, 0) for i in range(3)], mode='edge'
        )
        before, after = (
            (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
        )
        image = image + weight * (before + after - 2 * image)
    return image


# The 8-point cosine transform times 4096, rounded: matrix products of integers
# below 2**53 are exact in any order of summation.
_COSINES = np.rint(
    2048 * np.cos(np.arange(8)[:, None] * (2 * np.arange(8) + 1) * (np.pi / 16))
)
_COSINES[0] = 1448


def _compress(image: np.ndarray, step: int) -> np.ndarray:
    """Quantise 8x8 blocks as JPEG does; (H, W, 3) in 0..255, in and out.

    Codecs are not used: their rounding differs between versions.
    """
    red, green, blue = np.moveaxis(image, 2, 0)
    luma = _quantise((red + 2 * green + blue) / 4, step)
    reddish = _quantise(red - green, 2 * step)
    bluish = _quantise(blue - green, 2 * step)
    green = luma - (reddish + bluish) / 4
    image = np.stack([reddish + green, green, bluish + green], 2)
    return np.clip(np.rint(image), 0, 255)


def _quantise(plane: np.ndarray, step: int) -> np.ndarray:
    """Quantise the cosine transform of a plane (H, W)."""
    height, width = plane.shape
    plane = np.pad(plane, ((0, -height % 8), (0, -width % 8)), mode='edge')
    rows, columns = plane.shape
    blocks = plane.reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2)
    steps = step * (2 + np.arange(8) + np.arange(8)[:, None]) / 2
    blocks = _COSINES @ blocks @ _COSINES.T / 2**24
    blocks = _COSINES.T @ (np.rint(blocks / steps) * steps) @ _COSINES / 2**24
    plane = blocks.swapaxes(1, 2).reshape(rows, columns)
    return np.rint(plane)[:height, :width]
