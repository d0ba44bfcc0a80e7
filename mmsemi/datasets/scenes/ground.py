"""Paint the ground of a scene: distant hills, field, road, water."""

import numpy as np

from .canvas import Floats, Patch, fraction, mix, rgb, wave
from .classes import FIELD, ROAD, TREE, WATER
from .view import SEASONS, View


def ridge(view: View, top: float, roughness: float, label: int) -> None:
    """Paint distant hills (FIELD) or forest (TREE) along the horizon."""
    dice, noise = view.dice, view.noise
    patch = view.canvas.whole(view.haze * dice.between(0.4, 0.8))
    x, y = patch.u, -patch.v
    line = noise(x * dice.between(1, 3) + 40, np.zeros_like(x), 2) + 0.5
    crest = view.horizon + 0.02 - top * line
    if label == TREE:
        crest = crest - roughness * np.abs(noise(x * 14, x * 9, 2))
        leaves = SEASONS[view.season][1]
        grain = noise(x * 26, y * 26, 3) * 0.9
    else:
        leaves = SEASONS[view.season][0]
        grain = noise(x * 5, y * 16, 3) * 0.5
    color = dice.color(leaves) * (0.95 + grain)[..., None]
    patch.paint(crest - y, color, label)


def _plane(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ground coordinates of every pixel, and the pixels' size there."""
    canvas = view.canvas
    depth = 1 / np.maximum((canvas.y - view.horizon) / (1 - view.horizon), 0.015)
    across = (canvas.x - view.centre) * depth * view.camera * 0.6
    ahead = depth * view.camera
    return across, ahead, depth * view.camera * 0.6 / canvas.height


def _ground_patch(view: View) -> Patch:
    """Return the whole canvas, with the haze that the ground lies in."""
    near = (view.canvas.y - view.horizon) / (1 - view.horizon)
    veil = view.haze * 0.12 / (0.12 + np.maximum(near, 0))
    return view.canvas.whole(np.broadcast_to(veil, view.canvas.label.shape))


def field(view: View) -> None:
    """Paint meadow, crop, furrows, snow or sand up to the horizon."""
    dice, noise = view.dice, view.noise
    across, ahead, pixel = _plane(view)
    modes = SEASONS[view.season][0]
    first, second = dice.color(modes), dice.color(modes)
    if dice.chance(0.5):
        second = first * dice.between(0.75, 1.25)
    turn = dice.between(-1, 1)
    patches = noise(across * 0.5 + turn * ahead * 0.4, ahead * 0.5, 3, pixel) * 3
    share = np.clip(0.5 + patches * dice.between(0.3, 0.8), 0, 1)
    color = mix(first, second, share[..., None])
    tufts = noise(across * 3.5, ahead * 2.5, 3, pixel * 5)
    grain = dice.grid(*view.canvas.label.shape) - 0.5
    shade = 1 + tufts * dice.between(0.2, 0.5) + grain * dice.between(0.15, 0.3)
    if dice.chance(0.3):
        rows = wave((across + ahead * turn * 0.7) * dice.between(0.4, 1.1))
        fade = np.clip(1.5 - pixel * 4, 0, 1)
        shade = shade + rows * fade * dice.between(0.1, 0.3)
    color = color * shade[..., None]
    if dice.chance(0.25):
        bloom = noise(across * 5, ahead * 5, 2, pixel * 4) + grain * 0.8
        petals = dice.color(
            ((230, 210, 70), (220, 80, 60), (225, 225, 235), (150, 110, 180))
        )
        color = mix(
            color,
            petals,
            np.clip((bloom - dice.between(0.3, 0.6)) * 6, 0, 0.85)[..., None],
        )
    patch = _ground_patch(view)
    edge = noise(patch.u * 9, np.zeros_like(patch.u), 2) * 0.012
    patch.paint(view.horizon + patch.v + edge, color, FIELD)


def _strip(
    view: View, lower: float, width: float, bend: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place a strip from the vanishing point to x = ``lower`` at the bottom.

    Returns:
        tuple[ndarray, ndarray, ndarray]: Signed distance to the strip; position
        across it (-1..1 inside); nearness (0 at the horizon, 1 at the bottom).
    """
    canvas = view.canvas
    near = np.clip((canvas.y - view.horizon) / (1 - view.horizon), 0.002, 2)
    middle = view.centre + (lower - view.centre) * near
    middle = middle + bend * near * (1 - near)
    half = width * near
    lateral = (canvas.x - middle) / half
    shape = (np.abs(lateral) - 1) * half
    return np.maximum(shape, view.horizon - canvas.y), lateral, near


def road(view: View) -> None:
    """Paint a road or a track, into the distance or across the view."""
    dice, noise = view.dice, view.noise
    across, ahead, pixel = _plane(view)
    patch = _ground_patch(view)
    paved = dice.chance(0.8)
    color = dice.color(
        ((92, 92, 96), (128, 126, 124), (70, 72, 78), (150, 140, 130), (110, 100, 96))
        if paved
        else ((150, 124, 92), (178, 158, 126), (120, 96, 74), (196, 186, 170))
    )
    if view.season == 'winter' and dice.chance(0.5):
        color = mix(color, rgb((215, 220, 228)), dice.between(0.3, 0.8))
    along = dice.chance(0.65)
    if along:
        shape, lateral, near = _strip(
            view,
            view.canvas.aspect * dice.between(0.1, 0.9),
            dice.between(0.22, 0.6),
            dice.between(-0.6, 0.6),
        )
        run = 1 / near
    else:
        middle = mix(view.horizon, 1, dice.between(0.3, 0.85))
        half = (middle - view.horizon) * dice.between(0.22, 0.45)
        slope = dice.between(-0.08, 0.08)
        lateral = (view.canvas.y - middle - slope * (view.canvas.x - 0.6)) / half
        shape, run = (np.abs(lateral) - 1) * half, across * 0.35
    wobble = 0.006 if paved else 0.03
    shape = shape + wobble * noise(across * 2, ahead * 2, 2, pixel * 4)
    grain = dice.grid(*view.canvas.label.shape) - 0.5
    wear = noise(lateral * 3 + 7, run * 0.3, 2)
    shade = 1 + wear * dice.between(0.05, 0.2) + grain * 0.06
    if not paved:
        shade = shade - 0.3 * np.clip(wave(lateral - 0.25) - 0.2, 0, 1)
    patch.paint(shape, color * shade[..., None], ROAD)
    if not paved:
        return
    paint = dice.color(((225, 225, 220), (215, 180, 70)))
    if dice.chance(0.9):
        dashes = (fraction(run * dice.between(0.6, 1.4)) < 0.55) * 1.0
        line = np.clip((0.05 - np.abs(lateral)) * 40, 0, 1)
        patch.paint(shape + 0.01, paint, strength=line * dashes * 0.8)
    if dice.chance(0.85):
        line = np.clip((0.05 - np.abs(np.abs(lateral) - 0.88)) * 40, 0, 1)
        patch.paint(shape, paint, strength=line * 0.7)


def water(view: View) -> None:
    """Paint a sea, a river or a pond; :func:`mirror` adds reflections later."""
    dice, noise, canvas = view.dice, view.noise, view.canvas
    across, ahead, pixel = _plane(view)
    kind = dice.pick(('sea', 'lake', 'river', 'pond', 'shore'))
    x, y = canvas.x, canvas.y
    shape: Floats
    top: Floats
    rough = (
        noise(x * 4, y * 8, 3)
        * 0.09
        * np.clip((y - view.horizon) / (1 - view.horizon), 0.1, 1)
    )
    if kind == 'river':
        shape, _, _ = _strip(
            view,
            canvas.aspect * dice.between(-0.2, 1.2),
            dice.between(0.4, 1.0),
            dice.between(-1, 1),
        )
        shape, top = shape + rough, view.horizon
    elif kind == 'pond':
        middle = mix(view.horizon, 1, dice.between(0.3, 0.8))
        a = dice.between(0.4, 0.9)
        b = (middle - view.horizon) * dice.between(0.3, 0.6)
        du = (x - canvas.aspect * dice.between(0.1, 0.9)) / a
        dv = (y - middle) / b
        shape, top = (np.sqrt(du * du + dv * dv) - 1) * b + rough, middle - b
    elif kind == 'shore':
        top = mix(view.horizon, 1, dice.between(0.3, 0.75))
        shape = top + dice.between(-0.2, 0.2) * (x - 0.6) - y + rough
    else:
        top = mix(view.horizon, 1, 0.0 if kind == 'sea' else dice.between(0.02, 0.2))
        bottom = mix(view.horizon, 1, dice.between(0.3, 0.85))
        bottom = bottom + dice.between(-0.25, 0.25) * (x - 0.6)
        shape = np.maximum(top - y, y - bottom + rough)
    own = dice.color(((44, 84, 96), (30, 66, 104), (64, 130, 140), (70, 84, 98)), 0.1)
    glance = 0.2 + 0.4 * np.clip(1.3 - (y - view.horizon) / (1 - view.horizon), 0, 1)
    color = mix(
        own,
        mix(canvas.air, view.above, 0.4),
        np.broadcast_to(glance, canvas.label.shape)[..., None] * dice.between(0.5, 1),
    )
    swell = dice.between(0.3, 0.7)
    ripple = noise(across * dice.between(0.4, 0.8), ahead * 4, 3, pixel * 3)
    fine = noise(x * 7, y * 60, 2)
    view.ripple = 1 + swell * (ripple + fine)
    patch = _ground_patch(view)
    patch.haze = patch.haze * 0.6
    patch.paint(shape, color * view.ripple[..., None], WATER)
    view.shore = top


def mirror(view: View) -> None:
    """Reflect what stands on the far bank in the water, if any, upside down."""
    if view.ripple is None:
        return
    canvas, dice = view.canvas, view.dice
    rows = np.arange(canvas.height)
    bank = int(view.shore * canvas.height)
    shift = np.floor((view.ripple - 1) * 14).astype(np.int64)
    source = np.clip(2 * bank - rows[:, None] + shift, 0, canvas.height - 1)
    image = np.take_along_axis(
        canvas.color, np.broadcast_to(source[..., None], canvas.color.shape), 0
    )
    away = np.clip((rows[:, None] - bank) / canvas.height * 1.6, 0, 1)
    share = dice.between(0.1, 0.45) * (1 - away)
    share = share * (canvas.label == WATER) * (source < bank)
    canvas.color[...] = mix(
        canvas.color, image * view.ripple[..., None], share[..., None]
    )
