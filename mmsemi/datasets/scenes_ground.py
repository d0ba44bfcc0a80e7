"""The built-in scenes' setting: light, sky, distance and ground."""
from dataclasses import dataclass

import numpy as np

from .scenes_canvas import (Canvas, Dice, Noise, fraction, mix, rgb, wave)
from .scenes_meta import FIELD, ROAD, SKY, TREE, WATER

# name: sky above, sky at the horizon, light, cloud, shadow, haze
MOODS = dict(
    noon=((62, 122, 205), (172, 206, 236), (1.08, 1.04, .96), .9, .5, .25),
    bright=((120, 170, 225), (215, 228, 238), (1.1, 1.1, 1.06), .6, .4, .4),
    overcast=((158, 163, 172), (208, 211, 214), (.82, .85, .9), .4, .1, .4),
    storm=((58, 66, 80), (146, 150, 150), (.6, .64, .68), .5, .1, .4),
    fog=((188, 193, 198), (206, 209, 211), (.84, .86, .9), .1, .05, .95),
    sunset=((92, 92, 146), (248, 172, 96), (1.0, .72, .5), .8, .5, .45),
    dawn=((150, 160, 196), (244, 206, 196), (.9, .8, .82), .5, .3, .7),
    dusk=((24, 32, 66), (92, 88, 120), (.4, .42, .58), .5, .15, .35))

# name: colours of the field, of the leaves; share of conifers, bare trees
SEASONS = dict(
    spring=(((96, 140, 52), (128, 160, 66), (120, 100, 70), (170, 170, 70)),
            ((96, 140, 60), (150, 170, 90), (225, 190, 200)), .2, .1),
    summer=(((82, 122, 48), (120, 140, 60), (176, 160, 88), (150, 140, 70)),
            ((44, 88, 36), (66, 104, 44), (84, 112, 66)), .3, 0.),
    autumn=(((132, 122, 66), (150, 124, 76), (106, 84, 60), (110, 124, 60)),
            ((190, 120, 36), (158, 66, 34), (196, 164, 56), (96, 96, 50)),
            .2, .2),
    winter=(((226, 232, 240), (206, 216, 230), (150, 142, 128)),
            ((58, 74, 62), (96, 84, 74), (212, 220, 228)), .5, .5),
    arid=(((206, 176, 126), (190, 142, 96), (168, 150, 116), (176, 110, 78)),
          ((104, 112, 72), (86, 100, 52), (140, 128, 88)), .1, .15))


@dataclass
class View:
    """One scene in the making: where it is seen from, and its style.

    Attributes:
        horizon (float): Its y, in picture heights.
        centre (float): x of the point where parallel lines meet.
        camera (float): Height of the camera in metres.
        shadow (float): How dark shadows are, 0..1.
        sun (float): Where light comes from: -1 left .. 1 right.
        haze (float): Haze at the horizon, 0..1.
        ripple (np.ndarray): Lightness of the water, (h, w), kept for what is
            mirrored in it.
        shore (float): y of the far bank of the water, 2 where none.
    """
    canvas: Canvas
    dice: Dice
    noise: Noise
    horizon: float
    centre: float
    camera: float
    season: str
    night: bool
    shadow: float
    sun: float
    haze: float
    above: np.ndarray
    ripple: np.ndarray = None
    shore: float = 2.

    def near(self, y: float) -> float:
        """0 at the horizon, 1 at the lower edge of the picture."""
        return (y - self.horizon) / (1 - self.horizon)

    def metre(self, y: float) -> float:
        """Length of a metre standing on the ground at y, in heights."""
        return (y - self.horizon) / self.camera

    def veil(self, y: float) -> float:
        """Haze in front of what stands on the ground at y."""
        return self.haze * 0.12 / (0.12 + max(self.near(y), 0))


def set_out(dice: Dice, size, horizon: float, camera: float) -> View:
    """Choose weather and season and paint the sky."""
    first, second = (MOODS[dice.pick(list(MOODS))] for _ in range(2))
    share = dice.pick((0., 0., 0.15, 0.3))
    above, below, light = (
        mix(np.array(a, float), np.array(b, float), share)
        for a, b in zip(first[:3], second[:3]))
    clouds, shadow, haze = (mix(a, b, share)
                            for a, b in zip(first[3:], second[3:]))
    above, below = (c / 255 * dice.between(0.88, 1.08) for c in (above, below))
    light = light * (1 + 0.12 * (dice.grid(3) - 0.5))
    canvas = Canvas(size, light, below)
    noise = Noise(dice)
    view = View(
        canvas, dice, noise, horizon,
        centre=canvas.aspect * dice.between(0.15, 0.85), camera=camera,
        season=dice.pick(list(SEASONS)), night=bool(light[1] < 0.55),
        shadow=shadow, sun=dice.between(-1, 1),
        haze=haze * dice.between(0.6, 1.0), above=above)
    _sky(view, above, below, clouds * dice.between(0, 1))
    return view


def _sky(view: View, above, below, clouds: float) -> None:
    canvas, dice, noise = view.canvas, view.dice, view.noise
    x, y = canvas.x, canvas.y
    # Clouds get flatter and closer together towards the horizon.
    height = np.clip(view.horizon - y, 0, None) + 0.12
    depth = dice.between(0.12, 0.5) / height
    share = np.clip(1.6 * (view.horizon - y) / max(view.horizon, 0.25), 0, 1)
    color = mix(below, above, np.broadcast_to(
        share, canvas.label.shape)[..., None])
    field = noise((x - view.centre) * depth * dice.between(1.5, 4),
                  depth * 5, 4, depth / canvas.height * 6)
    field = field * 2.2 + clouds * 1.6 - 0.75
    cover = np.clip(field * dice.between(1, 3), 0, 1)
    lit = mix(np.array([.95, .95, .95]) * np.maximum(below, 0.3), below, 0.35)
    lit = lit * (1.1 - 0.35 * np.clip(field, 0, 1))[..., None]
    color = mix(color, lit, (cover * 0.9)[..., None])
    sun = canvas.aspect * (0.5 + 0.6 * view.sun)
    distance = np.sqrt((x - sun)**2 + (y - view.horizon + 0.15)**2)
    glow = view.shadow * np.clip(1 - 1.2 * distance, 0, 1)
    color = color + (glow * glow)[..., None] * np.array([.5, .4, .25])
    canvas.color[...] = color
    canvas.label[...] = SKY


def ridge(view: View, top: float, roughness: float, label: int) -> None:
    """A far line of hills (FIELD) or forest (TREE) along the horizon."""
    dice, noise = view.dice, view.noise
    patch = view.canvas.patch(haze=view.haze * dice.between(0.4, 0.8))
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


def _plane(view: View):
    """Ground coordinates of every pixel and the pixels' size in them."""
    canvas = view.canvas
    depth = 1 / np.maximum((canvas.y - view.horizon) /
                           (1 - view.horizon), 0.015)
    across = (canvas.x - view.centre) * depth * view.camera * 0.6
    ahead = depth * view.camera
    return across, ahead, depth * view.camera * 0.6 / canvas.height


def _ground_patch(view: View):
    near = (view.canvas.y - view.horizon) / (1 - view.horizon)
    veil = view.haze * 0.12 / (0.12 + np.maximum(near, 0))
    return view.canvas.patch(haze=np.broadcast_to(
        veil, view.canvas.label.shape))


def field(view: View) -> None:
    """Meadow, crop, furrows, snow or sand up to the horizon."""
    dice, noise = view.dice, view.noise
    across, ahead, pixel = _plane(view)
    modes = SEASONS[view.season][0]
    first, second = dice.color(modes), dice.color(modes)
    if dice.chance(0.5):
        second = first * dice.between(0.75, 1.25)
    turn = dice.between(-1, 1)
    patches = noise(across * 0.5 + turn * ahead * 0.4,
                    ahead * 0.5, 3, pixel) * 3
    share = np.clip(0.5 + patches * dice.between(0.3, 1.2), 0, 1)
    color = mix(first, second, share[..., None])
    tufts = noise(across * 3.5, ahead * 2.5, 3, pixel * 5)
    grain = dice.grid(*view.canvas.label.shape) - 0.5
    shade = 1 + tufts * dice.between(0.2, 0.9) + grain * dice.between(.02, .2)
    if dice.chance(0.3):
        rows = wave((across + ahead * turn * 0.7) * dice.between(0.4, 1.1))
        fade = np.clip(1.5 - pixel * 4, 0, 1)
        shade = shade + rows * fade * dice.between(0.1, 0.3)
    color = color * shade[..., None]
    if dice.chance(0.25):
        bloom = noise(across * 5, ahead * 5, 2, pixel * 4) + grain * 0.8
        petals = dice.color(((230, 210, 70), (220, 80, 60), (225, 225, 235),
                             (150, 110, 180)))
        color = mix(color, petals, np.clip(
            (bloom - dice.between(0.3, 0.6)) * 6, 0, 0.85)[..., None])
    patch = _ground_patch(view)
    edge = noise(patch.u * 9, np.zeros_like(patch.u), 2) * 0.012
    patch.paint(view.horizon + patch.v + edge, color, FIELD)


def _strip(view: View, lower: float, width: float, bend: float):
    """Signed distance to a strip from the vanishing point to x = lower at
    the bottom, and the place across it (-1..1 inside)."""
    canvas = view.canvas
    near = np.clip((canvas.y - view.horizon) / (1 - view.horizon), 0.002, 2)
    middle = view.centre + (lower - view.centre) * near
    middle = middle + bend * near * (1 - near)
    half = width * near
    lateral = (canvas.x - middle) / half
    return (np.abs(lateral) - 1) * half, lateral, near


def road(view: View) -> None:
    """A road or track running into the distance, or across the view."""
    dice, noise = view.dice, view.noise
    across, ahead, pixel = _plane(view)
    patch = _ground_patch(view)
    paved = dice.chance(0.7)
    color = dice.color(
        ((92, 92, 96), (128, 126, 124), (70, 72, 78), (150, 140, 130),
         (110, 100, 96)) if paved else
        ((150, 124, 92), (178, 158, 126), (120, 96, 74), (196, 186, 170)))
    if view.season == 'winter' and dice.chance(0.5):
        color = mix(color, rgb((215, 220, 228)), dice.between(0.3, 0.8))
    along = dice.chance(0.65)
    if along:
        shape, lateral, near = _strip(
            view, view.canvas.aspect * dice.between(0.1, 0.9),
            dice.between(0.22, 0.6), dice.between(-0.6, 0.6))
        run = 1 / near
    else:
        middle = mix(view.horizon, 1, dice.between(0.3, 0.85))
        half = (middle - view.horizon) * dice.between(0.22, 0.45)
        slope = dice.between(-0.08, 0.08)
        lateral = (view.canvas.y - middle -
                   slope * (view.canvas.x - 0.6)) / half
        shape, run = (np.abs(lateral) - 1) * half, across * 0.35
    wobble = 0.006 if paved else 0.03
    shape = shape + wobble * noise(across * 2, ahead * 2, 2, pixel * 4)
    grain = dice.grid(*view.canvas.label.shape) - 0.5
    wear = noise(lateral * 3 + 7, run * 0.3, 2)
    shade = 1 + wear * dice.between(0.1, 0.35) + grain * 0.12
    shade = shade + (0. if paved else 0.25) * wave(lateral - 0.25)
    shade = shade + 0.3 * noise(across * 4, ahead * 4, 2, pixel * 6)
    patch.paint(shape, color * shade[..., None], ROAD)
    if not paved:
        return
    paint = dice.color(((225, 225, 220), (215, 180, 70)))
    if dice.chance(0.75):
        dashes = (fraction(run * dice.between(0.6, 1.4)) < 0.55) * 1.
        line = np.clip((0.05 - np.abs(lateral)) * 40, 0, 1)
        patch.paint(shape + 0.01, paint, strength=line * dashes * 0.8)
    if dice.chance(0.6):
        line = np.clip((0.05 - np.abs(np.abs(lateral) - 0.88)) * 40, 0, 1)
        patch.paint(shape, paint, strength=line * 0.7)


def water(view: View) -> None:
    """A sea, a river or a pond; what it mirrors comes with `mirror`."""
    dice, noise, canvas = view.dice, view.noise, view.canvas
    across, ahead, pixel = _plane(view)
    kind = dice.pick(('sea', 'lake', 'river', 'pond', 'shore'))
    x, y = canvas.x, canvas.y
    rough = noise(x * 4, y * 8, 3) * 0.09 * np.clip(
        (y - view.horizon) / (1 - view.horizon), 0.1, 1)
    if kind == 'river':
        shape, _, _ = _strip(view, canvas.aspect * dice.between(-0.2, 1.2),
                             dice.between(0.4, 1.0), dice.between(-1, 1))
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
        top = mix(view.horizon, 1, 0. if kind == 'sea' else
                  dice.between(0.02, 0.2))
        bottom = mix(view.horizon, 1, dice.between(0.3, 0.85))
        bottom = bottom + dice.between(-0.25, 0.25) * (x - 0.6)
        shape = np.maximum(top - y, y - bottom + rough)
    own = dice.color(((44, 84, 96), (30, 66, 104), (86, 98, 74),
                      (64, 130, 140), (96, 88, 70), (70, 84, 98)), 0.1)
    glance = 0.25 + 0.5 * np.clip(1.3 - (y - view.horizon) /
                                  (1 - view.horizon), 0, 1)
    color = mix(own, mix(canvas.air, view.above, 0.4), np.broadcast_to(
        glance, canvas.label.shape)[..., None] * dice.between(0.5, 1))
    swell = dice.between(0.15, 0.6)
    ripple = noise(across * dice.between(0.5, 1.2), ahead * 3, 3, pixel * 3)
    fine = noise(x * 9, y * 70, 2)
    view.ripple = 1 + swell * (ripple + 0.6 * fine)
    patch = _ground_patch(view)
    patch.haze = patch.haze * 0.6
    patch.paint(shape, color * view.ripple[..., None], WATER)
    view.shore = top


def mirror(view: View) -> None:
    """Let the water show what stands on its far bank, upside down."""
    canvas, dice = view.canvas, view.dice
    rows = np.arange(canvas.height)
    bank = int(view.shore * canvas.height)
    shift = np.floor((view.ripple - 1) * 14).astype(np.int64)
    source = np.clip(2 * bank - rows[:, None] + shift, 0, canvas.height - 1)
    image = np.take_along_axis(
        canvas.color, np.broadcast_to(source[..., None], canvas.color.shape),
        0)
    away = np.clip((rows[:, None] - bank) / canvas.height * 1.6, 0, 1)
    share = dice.between(0.1, 0.75) * (1 - away)
    share = share * (canvas.label == WATER) * (source < bank)
    canvas.color[...] = mix(canvas.color, image * view.ripple[..., None],
                            share[..., None])
