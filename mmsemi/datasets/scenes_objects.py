"""The built-in scenes' things: trees, buildings, cars, animals.

Each painter draws one thing standing at (x, y) on the ground, in a frame
whose unit is a metre at that distance.
"""
import numpy as np

from .scenes_canvas import bar, box, ellipse, fraction, mix, polygon, rgb
from .scenes_ground import SEASONS, View
from .scenes_meta import ANIMAL, BUILDING, CAR, TREE

GLASS = ((40, 52, 66), (70, 84, 98), (120, 140, 156), (30, 30, 36))


def _shadow(view: View, x: float, y: float, width: float, length: float,
            size: float = 1.) -> None:
    """Shadow on the ground, away from the sun; a dim one straight below."""
    scale = view.metre(y) * size
    reach = length * min(1.5, abs(view.sun) * 2)
    lean = -reach if view.sun > 0 else reach
    flat = 0.22 * width + 0.1
    patch = view.canvas.patch(
        x, y, scale, (-width - reach, -1.5, width + reach, 1.5))
    if patch is None:
        return
    ground = patch.v + 0 * patch.u < (y - view.horizon) / scale - 0.05
    shape = ellipse(patch.u, patch.v, lean / 2, 0.02,
                    width / 2 + abs(lean) / 2, flat)
    patch.shade(np.where(ground, shape, 9), view.shadow, 0.3 * flat)
    below = ellipse(patch.u, patch.v, 0, 0, width * 0.52, 0.12 * width)
    patch.shade(below, 0.3, 0.1 * width)


def tree(view: View, x: float, y: float, height: float) -> None:
    """Broadleaf, conifer, poplar, bush, palm or bare tree of that height."""
    dice, noise = view.dice, view.noise
    leaves, conifers, bare = SEASONS[view.season][1:]
    if dice.chance(conifers):
        kind = 'conifer'
    elif dice.chance(bare):
        kind = 'bare'
    else:
        kind = dice.pick(('round', 'round', 'wide', 'poplar', 'bush') +
                         (('palm', 'palm') if view.season == 'arid' else ()))
    h = height
    if kind == 'bush':
        h = height * 0.3
    wide = dict(conifer=0.24, round=0.36, wide=0.5, poplar=0.14, bush=0.7,
                palm=0.45, bare=0.4)[kind] * h * dice.between(0.85, 1.2)
    _shadow(view, x, y, wide * 1.6, h * 0.7)
    patch = view.canvas.patch(x, y, view.metre(y),
                              (-wide * 1.5, -0.2, wide * 1.5, h * 1.15),
                              view.veil(y))
    if patch is None:
        return
    u, v = patch.u, patch.v
    bark = dice.color(((84, 66, 50), (110, 100, 90), (62, 52, 46),
                       (190, 186, 180)))
    trunk = h * dice.between(0.03, 0.06)
    foot = h * (0.5 if kind != 'palm' else 0.85)
    shape = bar(u, v, (0, -0.1), (0, foot), trunk + 0 * v)
    patch.paint(shape, bark, TREE)
    seed = dice.between(0, 60)
    fine = 6 / h
    leaf = noise(u * fine * 2 + seed, v * fine * 2, 3,
                 2 * fine / patch.pixels)
    if kind == 'bare':
        for _ in range(9):
            start = h * dice.between(0.25, 0.7)
            side = dice.between(-1, 1) * wide
            end = (side, min(h, start + abs(side) * dice.between(0.6, 1.6)))
            patch.paint(bar(u, v, (0, start), end, trunk * 0.4), bark, TREE)
        twigs = ellipse(u, v, 0, h * 0.65, wide, h * 0.36) + leaf * h * 0.3
        patch.paint(twigs, bark * 1.1, TREE, strength=0.45)
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
            crown = np.minimum(crown, bar(u, v, (0, h * .85), tip, h * 0.08))
    else:
        base = dict(bush=0.1, poplar=0.1).get(kind, dice.between(0.2, 0.4))
        middle, half = h * (1 + base) / 2, h * (1 - base) / 2
        crown = ellipse(u, v, 0, middle, wide * 0.85, half)
        for _ in range(3):
            crown = np.minimum(crown, ellipse(
                u, v, wide * dice.between(-0.5, 0.5),
                middle + half * dice.between(-0.45, 0.5), wide * 0.6,
                half * 0.55))
    crown = crown + leaf * wide * dice.between(0.15, 0.4)
    lit = 1 + 0.35 * view.shadow * (u / wide * view.sun + v / h - 0.4)
    shade = lit + leaf * dice.between(0.6, 1.5)
    patch.paint(crown, color * shade[..., None], TREE)


def building(view: View, x: float, y: float, width: float,
             height: float) -> None:
    """House, block, barn or church: a front, a side, a roof, windows."""
    dice, noise = view.dice, view.noise
    w, h = width / 2, height
    _shadow(view, x, y, width * 1.1, h * 0.5)
    depth = dice.between(0.2, 0.8) * w * (1 if x < view.centre else -1)
    patch = view.canvas.patch(
        x, y, view.metre(y),
        (-w - abs(depth) - 1, -0.2, w + abs(depth) + 1, h * 2.1),
        view.veil(y))
    if patch is None:
        return
    u, v = patch.u, patch.v
    flat = h > width * 0.9 or dice.chance(0.25)
    wall = dice.color(
        ((156, 84, 66), (196, 168, 132), (222, 214, 200), (150, 150, 150),
         (120, 96, 78), (180, 110, 100), (110, 126, 140), (206, 180, 110),
         (96, 112, 88)), 0.1)
    tile = dice.color(((140, 70, 52), (84, 80, 82), (110, 64, 50),
                       (70, 76, 90), (150, 130, 110), (120, 128, 110)))
    if view.season == 'winter' and dice.chance(0.7):
        tile = rgb((222, 226, 234))
    bumps = noise(u * 1.3 + 11, v * 1.3, 3, 1.3 / patch.pixels)
    texture = 1 + bumps * dice.between(0.1, 0.4)
    courses = dice.chance(0.5) * ((fraction(v * dice.between(1.5, 4)) < 0.2) *
                                  0.18 * min(1, patch.pixels / 8))
    texture = texture - courses
    # Eyes are about camera height up: edges run towards that line.
    eye = view.camera
    slope = 0.25 * depth / max(w, 1)

    def receding(level):
        return level + (eye - level) * abs(slope)

    end = np.sign(depth) * w + depth
    corners = [(np.sign(depth) * w, -0.05), (end, receding(0)),
               (end, receding(h)), (np.sign(depth) * w, h)]
    if depth < 0:
        corners = corners[::-1]
    lit = 1 + 0.35 * view.shadow * view.sun * np.sign(depth)
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
            eave = [(w, h - .2), (end, receding(h)),
                    (depth, ridge), (0, top)]
            if depth < 0:
                eave = [(-w, h - .2), (0, top),
                        (depth, ridge), (end, receding(h))]
            patch.paint(polygon(u, v, *eave), tile * ribs[..., None],
                        BUILDING)
        else:
            inset = w * dice.between(0, 0.6)
            roof = polygon(u, v, (-w - .3, h - .1), (w + .3, h - .1),
                           (w - inset, top), (-w + inset, top))
            patch.paint(roof, tile * ribs[..., None], BUILDING)
            if dice.chance(0.5):
                stack = w * dice.between(-0.5, 0.5)
                patch.paint(box(u, v, stack - .3, top - .6, stack + .3,
                                top + .7), wall * 0.7, BUILDING)
    _windows(view, patch, w, h, depth)


def _windows(view: View, patch, w: float, h: float, depth: float) -> None:
    dice, u, v = view.dice, patch.u, patch.v
    floors = max(1, int(h / dice.between(2.6, 3.6)))
    columns = max(1, int(2 * w / dice.between(1.8, 3.5)))
    open_u, open_v = dice.between(0.2, 0.38), dice.between(0.22, 0.4)
    if dice.chance(0.2):
        open_u = 0.5
    glass = dice.color(GLASS)
    cell_u, cell_v = (u + w) / (2 * w) * columns, v / h * floors
    shape = np.maximum(
        (np.abs(fraction(cell_u) - 0.5) - open_u) * (2 * w / columns),
        (np.abs(fraction(cell_v) - 0.52) - open_v) * (h / floors))
    inside = np.maximum(shape, box(u, v, -w, 0.2, w, h))
    # Panes differ; some are lit at night.
    code = np.floor(cell_u) * 7 + np.floor(cell_v) * 13
    pane = fraction(code * 0.381966)
    color = glass * (0.7 + 0.6 * pane)[..., None]
    patch.paint(inside, color)
    if view.night:
        patch.paint(np.where(pane < 0.45, inside, 9),
                    rgb((250, 206, 120)), glow=True, strength=0.9)
    edge = np.sign(depth) * w
    across = (u - edge) / depth
    level = v + (v - view.camera) * 0.25 * abs(depth) / max(w, 1) * across
    shape = np.maximum(
        np.abs(fraction(across * max(1, columns // 2)) - 0.5) - open_u * 0.9,
        np.abs(fraction(level / h * floors) - 0.52) - open_v)
    within = np.maximum(np.maximum(-across, across - 1),
                        np.maximum(0.4 - level, level - h))
    patch.paint(np.maximum(shape, within) * abs(depth), glass * 0.7)
    if dice.chance(0.7):
        door = w * dice.between(-0.7, 0.7)
        patch.paint(box(u, v, door - .55, 0, door + .55, 2.1),
                    dice.color(((90, 60, 40), (60, 70, 80), (150, 40, 40))))


def car(view: View, x: float, y: float, sideways: bool) -> None:
    """A car, van, lorry or bus from the side, the front or the back."""
    dice = view.dice
    body = dice.color(
        ((210, 210, 212), (235, 235, 232), (40, 42, 46), (160, 30, 34),
         (34, 64, 130), (120, 124, 128), (52, 96, 70), (214, 170, 40),
         (120, 96, 70), (90, 140, 180), (200, 100, 40)), 0.12)
    kind = dice.pick(('saloon', 'saloon', 'hatch', 'van', 'lorry', 'bus'))
    length, height = dict(saloon=(4.4, 1.45), hatch=(3.8, 1.55),
                          van=(4.9, 2.1), lorry=(6.5, 2.9),
                          bus=(8.5, 3.0))[kind]
    wide = length if sideways else (1.8 if height < 2.5 else 2.4)
    _shadow(view, x, y, wide * 1.05, height)
    a = wide / 2
    patch = view.canvas.patch(x, y, view.metre(y),
                              (-a - .3, -.3, a + .3, height + .4),
                              view.veil(y))
    if patch is None:
        return
    u, v = patch.u, patch.v
    glass = dice.color(GLASS)
    dark = rgb((26, 26, 28))
    sheen = (0.75 + 0.45 * v / height +
             0.25 * view.shadow * view.sun * u / a)[..., None]
    if sideways:
        u = u * dice.pick((-1, 1))
        waist = height * (0.55 if height < 1.8 else 0.5)
        if kind in ('saloon', 'hatch'):
            back = -a * (0.6 if kind == 'saloon' else 0.97)
            cabin = [(back, waist), (a * 0.5, waist),
                     (a * 0.15, height), (back + 0.5, height)]
            shell = box(u, v, -a, 0.3, a, waist + 0.05)
            shell = np.minimum(shell, polygon(u, v, *cabin))
            pane = polygon(u, v, *[(p * 0.9 - 0.03, waist + (q - waist) * .86)
                                   for p, q in cabin])
            panes = [np.maximum(pane, 0.06 - np.abs(u + a * 0.15))]
        else:
            nose = a * (0.92 if kind == 'bus' else 0.75)
            shell = polygon(u, v, (-a, .4), (a, .4), (a, height * .5),
                            (nose, height), (-a, height))
            panes = [box(u, v, a * .45, height * .5, nose - .1, height * .85)]
            if kind == 'bus':
                panes = [np.maximum(
                    box(u, v, -a + .3, height * .5, nose - .1, height * .85),
                    0.08 - np.abs(fraction(u / 1.3) - 0.5) * 1.3)]
        patch.paint(shell, body * sheen, CAR)
        if kind == 'lorry':
            load = box(u, v, -a, 0.7, a * 0.4, height)
            patch.paint(load, dice.color(((220, 220, 216), (90, 110, 90),
                                          (60, 90, 150))) * sheen, CAR)
        wheels = [(-a * 0.6, .36), (a * 0.62, .36)]
        radius = 0.36 if height < 2.5 else 0.5
        for place, _ in wheels:
            patch.paint(ellipse(u, v, place, radius - .03, radius, radius),
                        dark, CAR)
            patch.paint(ellipse(u, v, place, radius - .03, radius * .5,
                                radius * .5), rgb((150, 150, 152)))
    else:
        for place in (-a * 0.75, a * 0.75):
            patch.paint(box(u, v, place - .15, 0, place + .15, .5), dark, CAR)
        waist, top = height * 0.58, a * (0.75 if height < 1.8 else 0.97)
        shell = np.minimum(
            box(u, v, -a, .25, a, waist),
            polygon(u, v, (-a * .96, waist - .05), (a * .96, waist - .05),
                    (top, height), (-top, height)))
        patch.paint(shell, body * sheen, CAR)
        panes = [polygon(u, v, (-a * .82, waist), (a * .82, waist),
                         (top * .85, height * .93), (-top * .85, height * .93)
                         )]
        front = dice.chance(0.5)
        lamp = rgb((255, 244, 210) if front else (190, 30, 26))
        for place in (-a * 0.75, a * 0.75):
            patch.paint(ellipse(u, v, place, waist * .72, .2, .13), lamp,
                        glow=view.night)
        patch.paint(box(u, v, -.3, .45, .3, .6), rgb((225, 225, 215)))
        patch.paint(box(u, v, -a, .25, a, .4), dark * 1.5)
    for pane in panes:
        patch.paint(pane, mix(glass, view.above, 0.2))


def animal(view: View, x: float, y: float, kind: str, coat) -> None:
    """A cow, horse, sheep, deer or dog from the side."""
    dice, noise = view.dice, view.noise
    # shoulder height, body length, body depth, neck, leg width
    tall, long, deep, neck, leg = dict(
        cow=(1.5, 2.1, 0.85, 0.5, 0.2), horse=(1.7, 1.9, 0.7, 0.9, 0.16),
        sheep=(0.95, 1.2, 0.65, 0.3, 0.12), deer=(1.3, 1.3, 0.5, 0.7, 0.1),
        dog=(0.8, 1.0, 0.36, 0.3, 0.1))[kind]
    size = dice.between(1.3, 1.7)
    _shadow(view, x, y, long, tall, size)
    reach = long / 2 + neck + 0.6
    patch = view.canvas.patch(x, y, view.metre(y) * size,
                              (-reach, -0.2, reach, tall + neck + 0.9),
                              view.veil(y))
    if patch is None:
        return
    u, v = patch.u * dice.pick((-1, 1)), patch.v
    a, belly = long / 2, tall - deep
    fur = noise(u * 5 + 31, v * 5, 3, 5 / patch.pixels)
    shade = 0.75 + 0.45 * v / tall + fur * (0.8 if kind == 'sheep' else 0.2)
    color = np.broadcast_to(coat, fur.shape + (3, ))
    if kind == 'cow' and dice.chance(0.6):
        spots = noise(u * 1.6 + dice.between(0, 60), v * 1.6, 1)
        color = mix(color, dice.color(((240, 236, 228), (40, 34, 30))),
                    np.clip(spots * 30, 0, 1)[..., None])
    color = color * shade[..., None]
    limbs = np.inf
    for place in (-0.85, -0.62, 0.6, 0.84):
        foot = a * place + 0.12 * dice.between(-1, 1)
        limbs = np.minimum(limbs, bar(u, v, (a * place, belly + deep * 0.3),
                                      (foot, 0), leg))
    patch.paint(limbs, color * 0.8, ANIMAL)
    body = ellipse(u, v, 0, tall - deep / 2, a, deep / 2)
    body = np.minimum(body, box(u, v, -a * .8, belly + deep * .15, a * .8,
                                tall - deep * .08))
    if kind == 'sheep':
        body = body + fur * 0.1
    shoulder = (a * 0.8, tall - deep * 0.35)
    low = dice.chance(0.45)
    head = (a + neck * 0.75, tall * 0.3 if low else tall + neck * 0.55)
    body = np.minimum(body, bar(u, v, shoulder, head, deep * 0.42))
    muzzle = (head[0] + deep * 0.42, head[1] - deep * 0.2)
    body = np.minimum(body, bar(u, v, head, muzzle, deep * 0.36))
    body = np.minimum(body, bar(u, v, (-a * 0.95, tall - deep * 0.2),
                                (-a * 1.15, belly), leg * 0.5))
    patch.paint(body, color, ANIMAL)
    if kind in ('cow', 'deer'):
        for lean in (-0.05, 0.2):
            tip = (head[0] - lean - 0.1, head[1] + deep * (
                0.55 if kind == 'cow' else 1.2))
            patch.paint(bar(u, v, head, tip, leg * 0.5), coat * 0.6, ANIMAL)
