"""Set up the view of a scene: weather, season, light, sky, distance."""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Dice, Floats, Noise, ellipse, mix
from .classes import SKY

# name: sky above, sky at the horizon, light, clouds, shadow, haze
MOODS = dict(
    noon=((62, 122, 205), (172, 206, 236), (1.08, 1.04, 0.96), 0.9, 0.5, 0.25),
    bright=((120, 170, 225), (215, 228, 238), (1.1, 1.1, 1.06), 0.6, 0.4, 0.4),
    overcast=((158, 163, 172), (208, 211, 214), (0.82, 0.85, 0.9), 0.4, 0.1, 0.4),
    storm=((58, 66, 80), (146, 150, 150), (0.6, 0.64, 0.68), 0.5, 0.1, 0.4),
    fog=((188, 193, 198), (206, 209, 211), (0.84, 0.86, 0.9), 0.1, 0.05, 0.8),
    sunset=((92, 92, 146), (248, 172, 96), (1.0, 0.72, 0.5), 0.8, 0.5, 0.45),
    dawn=((150, 160, 196), (244, 206, 196), (0.9, 0.8, 0.82), 0.5, 0.3, 0.7),
    dusk=((40, 48, 96), (122, 110, 138), (0.52, 0.54, 0.68), 0.5, 0.15, 0.3),
)

# name: colours of the field, colours of leaves, share of conifers, of bare trees
SEASONS = dict(
    spring=(
        ((96, 140, 52), (128, 160, 66), (120, 100, 70), (170, 170, 70)),
        ((96, 140, 60), (150, 170, 90), (225, 190, 200)),
        0.2,
        0.1,
    ),
    summer=(
        ((82, 122, 48), (120, 140, 60), (176, 160, 88), (150, 140, 70)),
        ((44, 88, 36), (66, 104, 44), (84, 112, 66)),
        0.3,
        0.0,
    ),
    autumn=(
        ((132, 122, 66), (150, 124, 76), (110, 124, 60)),
        ((190, 120, 36), (158, 66, 34), (196, 164, 56), (96, 96, 50)),
        0.2,
        0.2,
    ),
    winter=(
        ((226, 232, 240), (206, 216, 230)),
        ((58, 74, 62), (96, 84, 74), (60, 66, 70)),
        0.5,
        0.5,
    ),
    arid=(
        ((206, 176, 126), (190, 142, 96), (168, 150, 116), (176, 110, 78)),
        ((104, 112, 72), (86, 100, 52), (140, 128, 88)),
        0.1,
        0.15,
    ),
)

GLASS = ((40, 52, 66), (70, 84, 98), (120, 140, 156), (30, 30, 36))


@dataclass
class View:
    """A scene while it is painted: its perspective and its style.

    Attributes:
        canvas (Canvas): What is painted on.
        dice (Dice): Draws everything.
        noise (Noise): Texture of all things.
        horizon (float): y of the horizon, in picture heights.
        centre (float): x of the point where parallel lines meet.
        camera (float): Height of the camera in metres.
        season (str): A key of ``SEASONS``.
        night (bool): Whether windows and lamps are lit.
        dark (float): Darkness of shadows, 0..1.
        sun (float): Direction of the light: -1 left .. 1 right.
        haze (float): Haze at the horizon, 0..1.
        above (ndarray): (3,) RGB of the sky above.
        ripple (ndarray, optional): (h, w) lightness of the water, for its
            reflections; None without water.
        shore (float): y of the far bank of the water; 2 without water.
    """

    canvas: Canvas
    dice: Dice
    noise: Noise
    horizon: float
    centre: float
    camera: float
    season: str
    night: bool
    dark: float
    sun: float
    haze: float
    above: np.ndarray
    ripple: np.ndarray | None = None
    shore: float = 2.0

    def near(self, y: float) -> float:
        """Return the nearness of y: 0 at the horizon, 1 at the picture's bottom."""
        return (y - self.horizon) / (1 - self.horizon)

    def metre(self, y: float) -> float:
        """Return the size of a metre on the ground at y, in picture heights."""
        return (y - self.horizon) / self.camera

    def veil(self, y: float) -> float:
        """Return the haze in front of what stands on the ground at y."""
        return self.haze * 0.12 / (0.12 + max(self.near(y), 0))

    def shadow(
        self, x: float, y: float, width: float, length: float, size: float = 1.0
    ) -> None:
        """Darken the ground around a thing: its shadow, and right below it.

        Args:
            x (float): Position on the ground.
            y (float): Position on the ground.
            width (float): Size of the thing, in units.
            length (float): Length of its shadow, in units.
            size (float): The unit in metres.
        """
        scale = self.metre(y) * size
        reach = length * min(1.5, abs(self.sun) * 2)
        lean = -reach if self.sun > 0 else reach
        flat = 0.22 * width + 0.1
        patch = self.canvas.patch(
            x, y, scale, (-width - reach, -1.5, width + reach, 1.5)
        )
        if patch is None:
            return
        ground = patch.v + 0 * patch.u < (y - self.horizon) / scale - 0.05
        shape = ellipse(
            patch.u, patch.v, lean / 2, 0.02, width / 2 + abs(lean) / 2, flat
        )
        patch.shade(np.where(ground, shape, 9), self.dark, 0.3 * flat)
        below = ellipse(patch.u, patch.v, 0, 0, width * 0.52, 0.12 * width)
        patch.shade(below, 0.3, 0.1 * width)


def start_view(
    dice: Dice, size: tuple[int, int], horizon: float, camera: float
) -> View:
    """Choose weather and season and paint the sky on a new canvas (height, width)."""
    first, second = (MOODS[dice.pick(list(MOODS))] for _ in range(2))
    share = dice.pick((0.0, 0.0, 0.15, 0.3))
    above, below, light = (
        mix(np.array(a, float), np.array(b, float), share)
        for a, b in zip(first[:3], second[:3], strict=True)
    )
    clouds, shadow, haze = (
        mix(a, b, share) for a, b in zip(first[3:], second[3:], strict=True)
    )
    above, below = (c / 255 * dice.between(0.88, 1.08) for c in (above, below))
    light = light * (1 + 0.12 * (dice.grid(3) - 0.5))
    canvas = Canvas(size, light, below)
    noise = Noise(dice)
    view = View(
        canvas,
        dice,
        noise,
        horizon,
        centre=canvas.aspect * dice.between(0.15, 0.85),
        camera=camera,
        season=dice.pick(list(SEASONS)),
        night=bool(light[1] < 0.6),
        dark=float(shadow),
        sun=dice.between(-1, 1),
        haze=haze * dice.between(0.3, 0.6),
        above=above,
    )
    _sky(view, above, below, clouds * dice.between(0, 1))
    return view


def _sky(view: View, above: np.ndarray, below: np.ndarray, clouds: Floats) -> None:
    canvas, dice, noise = view.canvas, view.dice, view.noise
    x, y = canvas.x, canvas.y
    # Clouds get flatter and closer together towards the horizon.
    height = np.clip(view.horizon - y, 0, None) + 0.12
    depth = dice.between(0.12, 0.5) / height
    share = np.clip(1.6 * (view.horizon - y) / max(view.horizon, 0.25), 0, 1)
    color = mix(below, above, np.broadcast_to(share, canvas.label.shape)[..., None])
    field = noise(
        (x - view.centre) * depth * dice.between(1.5, 4),
        depth * 5,
        4,
        depth / canvas.height * 6,
    )
    field = field * 2.2 + clouds * 1.6 - 0.75
    cover = np.clip(field * dice.between(1, 3), 0, 1)
    lit = mix(np.array([0.95, 0.95, 0.95]) * np.maximum(below, 0.3), below, 0.35)
    lit = lit * (1.1 - 0.35 * np.clip(field, 0, 1))[..., None]
    color = mix(color, lit, (cover * 0.9)[..., None])
    sun = canvas.aspect * (0.5 + 0.6 * view.sun)
    distance = np.sqrt((x - sun) ** 2 + (y - view.horizon + 0.15) ** 2)
    glow = view.dark * np.clip(1 - 1.2 * distance, 0, 1)
    color = color + (glow * glow)[..., None] * np.array([0.5, 0.4, 0.25])
    canvas.color[...] = color
    canvas.label[...] = SKY
