"""Paint what moves in a scene: cars and animals.

Each painter draws one thing at (x, y) on the ground, in a frame whose unit is
a metre at that distance.
"""

import numpy as np

from .canvas import Floats, bar, box, ellipse, fraction, mix, polygon, rgb, wave
from .classes import ANIMAL, CAR
from .view import GLASS, View


def car(view: View, x: float, y: float, sideways: bool) -> None:
    """Paint a car, van, lorry or bus from the side, the front or the back."""
    dice = view.dice
    body = dice.color(
        (
            (235, 235, 232),
            (40, 42, 46),
            (176, 30, 34),
            (30, 64, 150),
            (30, 110, 80),
            (226, 180, 30),
            (80, 150, 200),
            (216, 100, 30),
        ),
        0.12,
    )
    kind = dice.pick(('saloon', 'saloon', 'hatch', 'van', 'lorry', 'bus'))
    length, height = dict(
        saloon=(4.4, 1.45),
        hatch=(3.8, 1.55),
        van=(4.9, 2.1),
        lorry=(6.5, 2.9),
        bus=(8.5, 3.0),
    )[kind]
    wide = length if sideways else (1.8 if height < 2.5 else 2.4)
    view.shadow(x, y, wide * 1.05, height)
    a = wide / 2
    patch = view.canvas.patch(
        x, y, view.metre(y), (-a - 0.3, -0.3, a + 0.3, height + 0.4), view.veil(y)
    )
    if patch is None:
        return
    u, v = patch.u, patch.v
    glass = dice.color(GLASS)
    dark = rgb((26, 26, 28))
    sheen = (0.75 + 0.45 * v / height + 0.25 * view.dark * view.sun * u / a)[..., None]
    if sideways:
        u = u * dice.pick((-1, 1))
        waist = height * (0.55 if height < 1.8 else 0.5)
        if kind in ('saloon', 'hatch'):
            back = -a * (0.6 if kind == 'saloon' else 0.97)
            cabin = [
                (back, waist),
                (a * 0.5, waist),
                (a * 0.15, height),
                (back + 0.5, height),
            ]
            shell = box(u, v, -a, 0.3, a, waist + 0.05)
            shell = np.minimum(shell, polygon(u, v, *cabin))
            pane = polygon(
                u, v, *[(p * 0.9 - 0.03, waist + (q - waist) * 0.86) for p, q in cabin]
            )
            panes = [np.maximum(pane, 0.06 - np.abs(u + a * 0.15))]
        else:
            nose = a * (0.92 if kind == 'bus' else 0.75)
            shell = polygon(
                u,
                v,
                (-a, 0.4),
                (a, 0.4),
                (a, height * 0.5),
                (nose, height),
                (-a, height),
            )
            panes = [box(u, v, a * 0.45, height * 0.5, nose - 0.1, height * 0.85)]
            if kind == 'bus':
                panes = [
                    np.maximum(
                        box(u, v, -a + 0.3, height * 0.5, nose - 0.1, height * 0.85),
                        0.08 - np.abs(fraction(u / 1.3) - 0.5) * 1.3,
                    )
                ]
        patch.paint(shell, body * sheen, CAR)
        if kind == 'lorry':
            load = box(u, v, -a, 0.7, a * 0.4, height)
            patch.paint(
                load,
                dice.color(((220, 220, 216), (90, 110, 90), (60, 90, 150))) * sheen,
                CAR,
            )
        wheels = [(-a * 0.6, 0.36), (a * 0.62, 0.36)]
        radius = 0.36 if height < 2.5 else 0.5
        for place, _ in wheels:
            patch.paint(ellipse(u, v, place, radius - 0.03, radius, radius), dark, CAR)
            patch.paint(
                ellipse(u, v, place, radius - 0.03, radius * 0.5, radius * 0.5),
                rgb((150, 150, 152)),
            )
    else:
        for place in (-a * 0.75, a * 0.75):
            patch.paint(box(u, v, place - 0.15, 0, place + 0.15, 0.5), dark, CAR)
        waist, top = height * 0.58, a * (0.75 if height < 1.8 else 0.97)
        shell = np.minimum(
            box(u, v, -a, 0.25, a, waist),
            polygon(
                u,
                v,
                (-a * 0.96, waist - 0.05),
                (a * 0.96, waist - 0.05),
                (top, height),
                (-top, height),
            ),
        )
        patch.paint(shell, body * sheen, CAR)
        panes = [
            polygon(
                u,
                v,
                (-a * 0.82, waist),
                (a * 0.82, waist),
                (top * 0.85, height * 0.93),
                (-top * 0.85, height * 0.93),
            )
        ]
        front = dice.chance(0.5)
        lamp = rgb((255, 244, 210) if front else (190, 30, 26))
        for place in (-a * 0.75, a * 0.75):
            patch.paint(
                ellipse(u, v, place, waist * 0.72, 0.2, 0.13), lamp, glow=view.night
            )
        patch.paint(box(u, v, -0.3, 0.45, 0.3, 0.6), rgb((225, 225, 215)))
        patch.paint(box(u, v, -a, 0.25, a, 0.4), dark * 1.5)
    for pane in panes:
        patch.paint(pane, mix(glass, view.above, 0.2))


def animal(view: View, x: float, y: float, kind: str, coat: np.ndarray) -> None:
    """Paint a cow, horse, sheep, deer or dog from the side, its coat (3,) RGB."""
    dice, noise = view.dice, view.noise
    # shoulder height, body length, body depth, neck, leg width
    tall, long, deep, neck, leg = dict(
        cow=(1.5, 2.1, 0.95, 0.5, 0.24),
        horse=(1.7, 1.9, 0.8, 0.9, 0.2),
        sheep=(1.1, 1.5, 0.8, 0.3, 0.16),
        deer=(1.4, 1.4, 0.6, 0.7, 0.15),
        dog=(1.0, 1.3, 0.5, 0.35, 0.15),
    )[kind]
    size = dice.between(1.4, 1.8)
    view.shadow(x, y, long, tall, size)
    reach = long / 2 + neck + 0.6
    patch = view.canvas.patch(
        x,
        y,
        view.metre(y) * size,
        (-reach, -0.2, reach, tall + neck + 0.9),
        view.veil(y),
    )
    if patch is None:
        return
    u, v = patch.u * dice.pick((-1, 1)), patch.v
    a, belly = long / 2, tall - deep
    fur = noise(u * 5 + 31, v * 5, 3, 5 / patch.pixels)
    shade = 0.75 + 0.45 * v / tall + fur * (0.8 if kind == 'sheep' else 0.2)
    color = np.broadcast_to(coat, fur.shape + (3,))
    # Patches or stripes, dark on a light coat and light on a dark one.
    bright = bool(coat[0] + coat[1] + coat[2] > 1.4)
    mark = dice.color(
        ((60, 44, 36), (30, 28, 28)) if bright else ((240, 234, 222), (214, 190, 150))
    )
    start = dice.between(0, 60)
    if dice.chance(0.35):
        pattern = wave(u * 2.6 + 0.4 * fur) - 0.2
    else:
        pattern = noise(u * 2.2 + start, v * 2.2, 1) - 0.02
    color = mix(color, mark, np.clip(pattern * 20, 0, 1)[..., None])
    color = color * shade[..., None]
    limbs: Floats = np.inf
    for place in (-0.85, -0.62, 0.6, 0.84):
        foot = a * place + 0.12 * dice.between(-1, 1)
        limbs = np.minimum(
            limbs, bar(u, v, (a * place, belly + deep * 0.3), (foot, 0), leg)
        )
    patch.paint(limbs, color * 0.8, ANIMAL)
    body = ellipse(u, v, 0, tall - deep / 2, a, deep / 2)
    body = np.minimum(
        body, box(u, v, -a * 0.8, belly + deep * 0.15, a * 0.8, tall - deep * 0.08)
    )
    if kind == 'sheep':
        body = body + fur * 0.1
    shoulder = (a * 0.8, tall - deep * 0.35)
    low = dice.chance(0.45)
    head = (a + neck * 0.75, tall * 0.3 if low else tall + neck * 0.55)
    body = np.minimum(body, bar(u, v, shoulder, head, deep * 0.42))
    muzzle = (head[0] + deep * 0.42, head[1] - deep * 0.2)
    body = np.minimum(body, bar(u, v, head, muzzle, deep * 0.36))
    body = np.minimum(
        body, bar(u, v, (-a * 0.95, tall - deep * 0.2), (-a * 1.15, belly), leg * 0.5)
    )
    patch.paint(body, color, ANIMAL)
    if kind in ('cow', 'deer'):
        for lean in (-0.05, 0.2):
            tip = (
                head[0] - lean - 0.1,
                head[1] + deep * (0.55 if kind == 'cow' else 1.2),
            )
            patch.paint(bar(u, v, head, tip, leg * 0.5), coat * 0.6, ANIMAL)
