"""Paint what stands in a scene: trees and buildings.

Each painter draws one thing at (x, y) on the ground, in a frame whose unit is
a metre at that distance.
"""

import numpy as np

from .canvas import Patch, bar, box, ellipse, fraction, polygon, rgb
from .classes import BUILDING, TREE
from .view import GLASS, SEASONS, View


def tree(view: View, x: float, y: float, height: float) -> None:
    """Paint a broadleaf, conifer, poplar, bush, palm or bare tree."""
    dice, noise = view.dice, view.noise
    leaves, conifers, bare = SEASONS[view.season][1:]
    if dice.chance(conifers):
        kind = 'conifer'
    elif dice.chance(bare):
        kind = 'bare'
    else:
        kind = dice.pick(
            ('round', 'round', 'wide', 'poplar', 'bush')
            + (('palm', 'palm') if view.season == 'arid' else ())
        )
    h = height
    if kind == 'bush':
        h = height * 0.3
    wide = (
        dict(
            conifer=0.24,
            round=0.36,
            wide=0.5,
            poplar=0.14,
            bush=0.7,
            palm=0.45,
            bare=0.4,
        )[kind]
        * h
        * dice.between(0.85, 1.2)
    )
    view.shadow(x, y, wide * 1.6, h * 0.7)
    patch = view.canvas.patch(
        x, y, view.metre(y), (-wide * 1.5, -0.2, wide * 1.5, h * 1.15), view.veil(y)
    )
    if patch is None:
        return
    u, v = patch.u, patch.v
    bark = dice.color(((84, 66, 50), (110, 100, 90), (62, 52, 46), (190, 186, 180)))
    trunk = h * dice.between(0.03, 0.06)
    foot = h * (0.5 if kind != 'palm' else 0.85)
    shape = bar(u, v, (0, -0.1), (0, foot), trunk + 0 * v)
    patch.paint(shape, bark, TREE)
    seed = dice.between(0, 60)
    fine = 6 / h
    leaf = noise(u * fine * 2 + seed, v * fine * 2, 3, 2 * fine / patch.pixels)
    if kind == 'bare':
        for _ in range(9):
            start = h * dice.between(0.25, 0.7)
            side = dice.between(-1, 1) * wide
            end = (side, min(h, start + abs(side) * dice.between(0.6, 1.6)))
            patch.paint(bar(u, v, (0, start), end, trunk * 0.4), bark, TREE)
        twigs = ellipse(u, v, 0, h * 0.65, wide, h * 0.36) + leaf * h * 0.3
        patch.paint(twigs, bark * 1.1, TREE, strength=0.6)
        return
    color = dice.color(leaves, 0.1)
    if kind == 'conifer':
        tiers = fraction(v / h * dice.count(4, 7))
        edge = wide * (1.02 - v / h) * (0.75 + 0.45 * (1 - tiers))
        crown = np.maximum(np.abs(u) - edge, h * 0.1 - v)
        crown = np.maximum(crown, v - h)
    elif kind == 'palm':
        crown = np.inf
        for side in (-1, -0.6, -0.2, 0.3, 0.7, 1):
            tip = (wide * side, h * (1.08 - 0.28 * side * side))
            crown = np.minimum(crown, bar(u, v, (0, h * 0.85), tip, h * 0.08))
    else:
        base = dict(bush=0.1, poplar=0.1).get(kind, dice.between(0.2, 0.4))
        middle, half = h * (1 + base) / 2, h * (1 - base) / 2
        crown = ellipse(u, v, 0, middle, wide * 0.85, half)
        for _ in range(3):
            crown = np.minimum(
                crown,
                ellipse(
                    u,
                    v,
                    wide * dice.between(-0.5, 0.5),
                    middle + half * dice.between(-0.45, 0.5),
                    wide * 0.6,
                    half * 0.55,
                ),
            )
    crown = crown + leaf * wide * dice.between(0.15, 0.4)
    lit = 1 + 0.35 * view.dark * (u / wide * view.sun + v / h - 0.4)
    shade = lit + leaf * dice.between(1.0, 1.6)
    patch.paint(crown, color * (0.9 * shade)[..., None], TREE)


def building(view: View, x: float, y: float, width: float, height: float) -> None:
    """Paint a house, block, barn or church: front, side, roof, windows."""
    dice, noise = view.dice, view.noise
    w, h = width / 2, height
    view.shadow(x, y, width * 1.1, h * 0.5)
    depth = dice.between(0.2, 0.8) * w * (1 if x < view.centre else -1)
    patch = view.canvas.patch(
        x,
        y,
        view.metre(y),
        (-w - abs(depth) - 1, -0.2, w + abs(depth) + 1, h * 2.1),
        view.veil(y),
    )
    if patch is None:
        return
    u, v = patch.u, patch.v
    flat = h > width * 0.9 or dice.chance(0.25)
    wall = dice.color(
        (
            (170, 84, 62),
            (214, 180, 136),
            (230, 222, 206),
            (186, 116, 96),
            (206, 150, 120),
            (150, 160, 178),
            (220, 186, 110),
        ),
        0.1,
    )
    tile = dice.color(
        (
            (140, 70, 52),
            (84, 80, 82),
            (110, 64, 50),
            (70, 76, 90),
            (150, 130, 110),
            (120, 128, 110),
        )
    )
    if view.season == 'winter' and dice.chance(0.7):
        tile = rgb((222, 226, 234))
    bumps = noise(u * 1.3 + 11, v * 1.3, 3, 1.3 / patch.pixels)
    texture = 1 + bumps * dice.between(0.1, 0.4)
    courses = dice.chance(0.6) * (
        (fraction(v * dice.between(1.5, 3)) < 0.25) * 0.18 * min(1, patch.pixels / 8)
    )
    texture = texture - courses
    # The horizon is at camera height: receding edges run towards that line.
    eye = view.camera
    slope = 0.25 * depth / max(w, 1)

    def receding(level: float) -> float:
        return level + (eye - level) * abs(slope)

    end = np.sign(depth) * w + depth
    corners = [
        (np.sign(depth) * w, -0.05),
        (end, receding(0)),
        (end, receding(h)),
        (np.sign(depth) * w, h),
    ]
    if depth < 0:
        corners = corners[::-1]
    lit = 1 + 0.35 * view.dark * view.sun * np.sign(depth)
    side = polygon(u, v, *corners)
    patch.paint(side, wall * (0.78 * lit * texture)[..., None], BUILDING)
    front = box(u, v, -w, -0.05, w, h)
    patch.paint(front, wall * texture[..., None], BUILDING)
    if not flat:
        top = h * dice.between(1.25, 1.6)
        ribs = 1 + 0.12 * (fraction(u * 1.7) < 0.3) + bumps * 0.3
        if dice.chance(0.5):
            gable = polygon(u, v, (-w, h), (w, h), (0, top))
            patch.paint(gable, wall * 0.95, BUILDING)
            ridge = receding(top)
            eave = [(w, h - 0.2), (end, receding(h)), (depth, ridge), (0, top)]
            if depth < 0:
                eave = [(-w, h - 0.2), (0, top), (depth, ridge), (end, receding(h))]
            patch.paint(polygon(u, v, *eave), tile * ribs[..., None], BUILDING)
        else:
            inset = w * dice.between(0, 0.6)
            roof = polygon(
                u,
                v,
                (-w - 0.3, h - 0.1),
                (w + 0.3, h - 0.1),
                (w - inset, top),
                (-w + inset, top),
            )
            patch.paint(roof, tile * ribs[..., None], BUILDING)
            if dice.chance(0.5):
                stack = w * dice.between(-0.5, 0.5)
                patch.paint(
                    box(u, v, stack - 0.3, top - 0.6, stack + 0.3, top + 0.7),
                    wall * 0.7,
                    BUILDING,
                )
    _windows(view, patch, w, h, depth)


def _windows(view: View, patch: Patch, w: float, h: float, depth: float) -> None:
    dice, u, v = view.dice, patch.u, patch.v
    floors = max(1, int(h / dice.between(2.3, 3)))
    columns = max(1, int(2 * w / dice.between(1.6, 2.6)))
    open_u, open_v = dice.between(0.2, 0.38), dice.between(0.22, 0.4)
    if dice.chance(0.2):
        open_u = 0.5
    glass = dice.color(GLASS)
    cell_u, cell_v = (u + w) / (2 * w) * columns, v / h * floors
    shape = np.maximum(
        (np.abs(fraction(cell_u) - 0.5) - open_u) * (2 * w / columns),
        (np.abs(fraction(cell_v) - 0.52) - open_v) * (h / floors),
    )
    inside = np.maximum(shape, box(u, v, -w, 0.2, w, h))
    # Every pane has its own shade; some are lit at night.
    code = np.floor(cell_u) * 7 + np.floor(cell_v) * 13
    pane = fraction(code * 0.381966)
    color = glass * (0.7 + 0.6 * pane)[..., None]
    patch.paint(inside, color)
    if view.night:
        patch.paint(
            np.where(pane < 0.45, inside, 9),
            rgb((250, 206, 120)),
            glow=True,
            strength=0.9,
        )
    edge = np.sign(depth) * w
    across = (u - edge) / depth
    level = v + (v - view.camera) * 0.25 * abs(depth) / max(w, 1) * across
    shape = np.maximum(
        np.abs(fraction(across * max(1, columns // 2)) - 0.5) - open_u * 0.9,
        np.abs(fraction(level / h * floors) - 0.52) - open_v,
    )
    within = np.maximum(
        np.maximum(-across, across - 1), np.maximum(0.4 - level, level - h)
    )
    patch.paint(np.maximum(shape, within) * abs(depth), glass * 0.7)
    if dice.chance(0.7):
        door = w * dice.between(-0.7, 0.7)
        patch.paint(
            box(u, v, door - 0.55, 0, door + 0.55, 2.1),
            dice.color(((90, 60, 40), (60, 70, 80), (150, 40, 40))),
        )
