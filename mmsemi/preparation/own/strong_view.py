"""Propose what a strong view may change, from what the images and masks hold."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from mmsemi.utils.codes import IGNORE, ValueMap

from .classes import ClassTable
from .folders import ImageScan, MaskScan

STRENGTHS = (0.5, 0.25, 0.1, 0.05)  # of brightness and contrast; first as released
DEEP = 0.25  # of images of more than 8 bits
BINS = 32  # of the 256 levels
TOLD = 0.5  # classes are told by gray value from this share of the way to certainty
LOSS = 0.05  # of mean recall that a change of gray values may cost
THIN = 0.3  # share of inner pixels below which a class counts as thin


class Proposal(NamedTuple):
    """What a strong view may change.

    Attributes:
        settings (dict[str, float]): ``strong_view`` of the data set; empty if the
            released strengths fit.
        reasons (tuple[str, ...]): Why, in words.
    """

    settings: dict[str, float]
    reasons: tuple[str, ...]


def propose(
    images: Sequence[ImageScan],
    masked: Iterable[tuple[ImageScan, MaskScan]],
    table: ClassTable,
    value_range: list | None,
) -> Proposal:
    """Propose what a strong view of a data set may change.

    Args:
        images (Sequence[ImageScan]): All images.
        masked (Iterable): Those with their masks.
        table (ClassTable): The classes.
        value_range (list, optional): See
            :class:`mmsemi.preparation.own.dataset_config.Images`.
    """
    settings: dict[str, float] = {}
    reasons = []
    if all(scan.gray for scan in images):
        settings.update(saturation=0, hue=0, gray=0)
        reasons.append('The images are gray: no saturation, hue or grayscale.')
    if any(scan.deep for scan in images):
        settings.update(brightness=DEEP, contrast=DEEP)
        reasons.append(
            'Values of more than 8 bits are mostly measured: brightness and contrast '
            f'by at most {DEEP}.'
        )
    masked = list(masked)
    values = [gray_levels(image, value_range) for image, _ in masked]
    to_label = ValueMap(table.pairs)
    labels = [to_label(mask.sample)[0] for _, mask in masked]
    told = predictability(values, labels, len(table.names))
    if told < TOLD:
        return Proposal(settings, tuple(reasons))
    reasons.append(
        f"A pixel's gray value alone tells its class to {told:.0%} (0 % is chance), "
        'so a strong view must keep it.'
    )
    limit = settings.get('brightness', STRENGTHS[0])
    for name in ('brightness', 'contrast'):
        settings[name] = strongest(name, values, labels, len(table.names), limit)
        reasons.append(
            f'{name.capitalize()} by at most {settings[name]}: with more, gray values '
            f'tell over {100 * LOSS:.0f} points less.'
            if settings[name] < limit
            else f'{name.capitalize()} by up to {limit}: gray values still tell the '
            'classes.'
        )
    thin = thin_classes([mask for _, mask in masked], table)
    if thin:
        settings['blur'] = 0
        reasons.append(
            f'No blur, which would wipe out what is thin: {", ".join(thin)}.'
        )
    return Proposal(settings, tuple(reasons))


def gray_levels(image: ImageScan, value_range: list | None) -> np.ndarray:
    """Return the mean of a sample's channels, in the 8 bits that a network gets."""
    values = image.sample[:, :3] if image.channels == 3 else image.sample
    if image.deep and value_range:
        low, high = np.array(value_range).T
        values = (np.nan_to_num(values) - low) * (255 / (high - low))
    return values.mean(1).clip(0, 255)


def predictability(
    values: Sequence[np.ndarray], labels: Sequence[np.ndarray], classes: int
) -> float:
    """Tell how well gray values alone predict the classes of other images.

    Half of the images give the distribution of gray values in each class; in the
    other half, the class in which a pixel's value is most likely is its prediction.

    Returns:
        float: Mean recall of the classes, from 0 (chance) to 1 (all right).
    """
    recall, shown = _recall(values, labels, classes, lambda v: v)
    if shown < 2:
        return 0.0
    return max((recall - 1 / shown) / (1 - 1 / shown), 0.0)


def strongest(
    name: str,
    values: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    classes: int,
    limit: float,
) -> float:
    """Return the largest strength of a change that leaves the classes apart."""
    before, _ = _recall(values, labels, classes, lambda v: v)
    for strength in STRENGTHS:
        if strength > limit:
            continue
        factors = 1 + strength * np.array([-1, -0.5, 0.5, 1])
        after = np.mean(
            [
                _recall(values, labels, classes, lambda v, f=f: _change(name, v, f))[0]
                for f in factors
            ]
        )
        if before - after <= LOSS:
            return strength
    return STRENGTHS[-1]


def _change(name: str, values: np.ndarray, factor: float) -> np.ndarray:
    level = values.mean() if name == 'contrast' else 0
    return (level + factor * (values - level)).clip(0, 255)


def _recall(values, labels, classes, change) -> tuple[float, int]:
    """Return the mean recall over the classes of the second half, and their number."""
    counts = np.ones((classes, BINS)) * 1e-3
    for v, y in zip(values[::2], labels[::2], strict=True):
        np.add.at(counts, (y[y < IGNORE], _bin(v[y < IGNORE])), 1)
    likely = (counts / counts.sum(1, keepdims=True)).argmax(0)
    right, total = np.zeros(classes), np.zeros(classes)
    for v, y in zip(values[1::2], labels[1::2], strict=True):
        guess = likely[_bin(change(v))]
        known = y < IGNORE
        np.add.at(total, y[known], 1)
        np.add.at(right, y[known & (guess == y)], 1)
    shown = total > 0
    return (float((right[shown] / total[shown]).mean()) if shown.any() else 0.0), int(
        shown.sum()
    )


def _bin(values: np.ndarray) -> np.ndarray:
    return (values * (BINS / 256)).astype(int)


def thin_classes(masks: Sequence[MaskScan], table: ClassTable) -> list[str]:
    """Name the classes most of whose pixels are within two pixels of another."""
    whole, inner = np.zeros(IGNORE + 1), np.zeros(IGNORE + 1)
    for mask in masks:
        labels = table.labels(mask.pixels)
        np.add.at(whole, labels, list(mask.pixels.values()))
        np.add.at(inner, labels, list(mask.inner.values()))
    return [
        name
        for i, name in enumerate(table.names)
        if whole[i] and inner[i] / whole[i] < THIN
    ]
