"""One built-in scene: its plan, and the camera it is taken with."""
from typing import Tuple

import numpy as np

from .scenes_canvas import Dice, mix
from .scenes_ground import (View, field, mirror, ridge, road, set_out,
                            water)
from .scenes_meta import FIELD, ROAD, TREE
from .scenes_objects import animal, building, car, tree

# Chances of a road and of water, how many of each thing at most.
PLANS = dict(
    country=dict(road=.4, water=.4, building=2, tree=9, car=1, animal=5),
    village=dict(road=.8, water=.25, building=4, tree=7, car=2, animal=3),
    town=dict(road=.95, water=.2, building=7, tree=5, car=5, animal=1),
    shore=dict(road=.25, water=1., building=2, tree=6, car=1, animal=3),
    wood=dict(road=.4, water=.3, building=1, tree=22, car=1, animal=3))
COATS = ((240, 236, 226), (44, 38, 36), (120, 74, 44), (180, 140, 100),
         (150, 146, 142), (90, 62, 48), (206, 120, 60))


def render_scene(key: Tuple[int, ...],
                 size: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Paint one scene.

    Args:
        key (Tuple[int, ...]): Non-negative integers that name it, such as
            (seed, split, index).
        size (Tuple[int, int]): Width and height in pixels.

    Returns:
        Tuple[np.ndarray, np.ndarray]: RGB image (H, W, 3) and mask (H, W)
        of class indices, both uint8.
    """
    dice = Dice(*key)
    plan = PLANS[dice.pick(list(PLANS))]
    view = set_out(dice, size, dice.between(0.16, 0.58),
                   dice.between(2.2, 6.5))
    if dice.chance(0.6):
        ridge(view, dice.between(0.05, 0.25), 0, FIELD)
    if dice.chance(0.6):
        ridge(view, dice.between(0.03, 0.14), 0.04, TREE)
    field(view)
    if dice.chance(plan['water']):
        water(view)
    if dice.chance(plan['road']):
        road(view)
    things = _place(view, plan)
    mirrored = view.ripple is None
    for y, paint, arguments in sorted(things, key=lambda thing: thing[0]):
        if not mirrored and y > view.shore:
            mirror(view)
            mirrored = True
        paint(view, *arguments)
    if not mirrored:
        mirror(view)
    return _photograph(view), view.canvas.label


def _place(view: View, plan: dict) -> list:
    """(y, painter, its arguments) of everything that stands somewhere."""
    dice, canvas = view.dice, view.canvas
    things, ground = [], canvas.label.copy()

    def spot(near: float, far: float, *grounds: int):
        """A place on one of the grounds, or None."""
        for _ in range(12):
            depth = dice.between(far, near)
            y = view.horizon + (1.05 - view.horizon) * depth
            x = dice.between(-0.05, 1.05) * canvas.aspect
            row = min(int(y * canvas.height), canvas.height - 1)
            column = int(np.clip(x * canvas.height, 0, ground.shape[1] - 1))
            if ground[row, column] in grounds:
                return x, y
        return None

    row = dice.between(0.04, 0.3)
    for _ in range(dice.count(0, plan['building'])):
        place = spot(*((row, row * 0.7) if dice.chance(0.6) else
                       (0.55, 0.03)), FIELD)
        if place:
            height = dice.between(2.8, 7)
            if plan['building'] > 4 and dice.chance(0.5):
                height = dice.between(8, 20)
            width = dice.between(5, 11)
            things.append((place[1], building, (*place, width, height)))
    grove = spot(0.5, 0.02, FIELD)
    for _ in range(dice.count(0, plan['tree'])):
        place = spot(0.6, 0.02, FIELD)
        if place and grove and dice.chance(0.5):
            place = (grove[0] + dice.between(-0.3, 0.3),
                     grove[1] + dice.between(0, 0.02))
        if place:
            height = dice.between(3, 10)
            limit = dice.between(0.5, 1.0) / view.metre(place[1])
            things.append((place[1], tree, (*place, min(height, limit))))
    for _ in range(dice.count(0, plan['car']) + dice.chance(0.3)):
        place = spot(0.95, 0.08, ROAD) or (dice.chance(0.4) and
                                           spot(0.8, 0.1, FIELD))
        if place:
            things.append((place[1], car, (*place, dice.chance(0.5))))
    kind = dice.pick(('cow', 'cow', 'horse', 'sheep', 'deer', 'dog'))
    coat = dice.color(COATS, 0.08)
    herd = spot(0.7, 0.12, FIELD)
    for _ in range(dice.count(0, plan['animal']) + dice.chance(0.3)):
        place = spot(0.9, 0.1, FIELD)
        if place and herd and dice.chance(0.6):
            place = (herd[0] + dice.between(-0.4, 0.4),
                     herd[1] + dice.between(-0.02, 0.1))
        if dice.chance(0.3):
            coat = dice.color(COATS, 0.08)
        if place and place[1] > view.horizon + 0.04:
            things.append((place[1], animal, (*place, kind, coat)))
    return things


def _photograph(view: View) -> np.ndarray:
    """What a camera makes of the canvas: exposure, colour cast, blur,
    grain, compression. (H, W, 3) uint8."""
    dice, image = view.dice, view.canvas.color
    gain = dice.between(0.85, 1.2)
    if view.night:
        gain = gain * dice.between(1.1, 1.7)
    image = np.clip(image * gain * (1 + 0.16 * (dice.grid(3) - 0.5)), 0, 1)
    bend = dice.between(-0.35, 0.35)
    image = image + bend * image * (1 - image)
    grey = (image[..., :1] + 2 * image[..., 1:2] + image[..., 2:]) / 4
    image = mix(grey, image, dice.between(0.5, 1.15))
    for _ in range(dice.pick((0, 1, 1, 2))):
        image = _blur(image, dice.between(0.1, 0.24))
    grain = dice.grid(*image.shape) + dice.grid(*image.shape) - 1
    image = image + grain * dice.between(0.005, 0.06)
    image = np.rint(np.clip(image, 0, 1) * 255)
    if dice.chance(0.6):
        image = _compress(image, dice.count(4, 26))
    return image.astype(np.uint8)


def _blur(image: np.ndarray, weight: float) -> np.ndarray:
    """Three taps (weight, 1 - 2 weight, weight) along both axes."""
    for axis in (0, 1):
        padded = np.pad(image, [(1, 1) if i == axis else (0, 0)
                                for i in range(3)], mode='edge')
        before, after = ((padded[:-2], padded[2:]) if axis == 0 else
                         (padded[:, :-2], padded[:, 2:]))
        image = image + weight * (before + after - 2 * image)
    return image


# The 8-point cosine transform times 4096, rounded: with integers below 2**53
# matrix products are exact in any order of summation.
_COSINES = np.rint(2048 * np.cos(
    np.arange(8)[:, None] * (2 * np.arange(8) + 1) * (np.pi / 16)))
_COSINES[0] = 1448


def _compress(image: np.ndarray, step: int) -> np.ndarray:
    """Quantise 8x8 blocks as JPEG does, without its codec, whose rounding
    differs between versions. (H, W, 3), 0..255, in and out."""
    red, green, blue = np.moveaxis(image, 2, 0)
    luma = _quantise((red + 2 * green + blue) / 4, step)
    reddish = _quantise(red - green, 2 * step)
    bluish = _quantise(blue - green, 2 * step)
    green = luma - (reddish + bluish) / 4
    image = np.stack([reddish + green, green, bluish + green], 2)
    return np.clip(np.rint(image), 0, 255)


def _quantise(plane: np.ndarray, step: int) -> np.ndarray:
    height, width = plane.shape
    plane = np.pad(plane, ((0, -height % 8), (0, -width % 8)), mode='edge')
    rows, columns = plane.shape
    blocks = plane.reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2)
    steps = step * (2 + np.arange(8) + np.arange(8)[:, None]) * 2.0**23
    blocks = np.rint(_COSINES @ blocks @ _COSINES.T / steps) * steps
    blocks = _COSINES.T @ (blocks / 2.0**22) @ _COSINES / 4
    plane = blocks.swapaxes(1, 2).reshape(rows, columns)
    return np.rint(plane / 2.0**22)[:height, :width]
