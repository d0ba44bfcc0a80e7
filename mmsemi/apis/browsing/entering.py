"""Watch a method compute its loss, and keep the images that it feeds to networks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn

from mmsemi.engine.hooks.step_seed_hook import seed_step
from mmsemi.models.utils import Guidance
from mmsemi.structures import Streams

# Only what enters a network is drawn, not what leaves it: it computes on images
# of this side, which all backbones accept (a multiple of 14 and of 32).
SIDE = 224


class View(NamedTuple):
    """A view of the unlabeled images.

    Attributes:
        kind (str): 'weak' or 'strong'.
        number (int): Of the strong view, from 0; else 0.
    """

    kind: str
    number: int = 0


class Entering(NamedTuple):
    """What a method feeds to networks in a step.

    Attributes:
        whole (dict): By stream and view, the networks that get it as it is:
            'network', 'teacher' or both.
        mixed (dict): By the view that it is made from, what the network gets in
            its place, (B, C, S, S), normalised.
    """

    whole: dict[tuple[str, View], set[str]]
    mixed: dict[View, Tensor]


def watch(model: nn.Module, inputs: Streams, seed: int, step: int) -> Entering:
    """Compute the loss of a step as a training does, and watch its inputs.

    The method's own ``loss()`` mixes the images, with the random numbers of the
    training's step.  Networks compute on reduced images.

    Args:
        model (nn.Module): The method, with any weights.
        inputs (Streams): From its data preprocessor.
        seed (int): Seed of the training.
        step (int): From 0.

    Returns:
        Entering: What entered.
    """
    model.eval()  # a BatchNorm may have a single value per channel here
    try:
        found = _run(model, inputs, seed, step, SIDE)
    except (ValueError, RuntimeError):  # the method needs more positions
        largest = max(next(iter(inputs.values()))['weak'].shape)
        found = _run(model, inputs, seed, step, largest)
    return _sort(found, inputs)


def _run(
    model: nn.Module, inputs: Streams, seed: int, step: int, side: int
) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []
    seed_step(seed, step)
    with _lending(model, seed, step) as teacher, torch.no_grad():
        # Hooks of the network would be copied with it, if they were set before.
        with (
            _watching(teacher, 'teacher', side, found),
            _watching(model, 'network', side, found),
        ):
            model.loss(inputs)
    return found


@contextmanager
def _lending(model: nn.Module, seed: int, step: int) -> Iterator[nn.Module | None]:
    """Lend what the hooks lend in the first epoch: a teacher, no previous model."""
    guidance, teacher = getattr(model, 'guidance', None), None
    if not isinstance(guidance, Guidance):
        yield None
        return
    if guidance.source == 'ema':
        teacher = deepcopy(model)
    guidance.models = [] if teacher is None else [teacher]
    guidance.epoch, guidance.seed = 0, (seed, step)
    try:
        yield teacher
    finally:
        guidance.models = None


@contextmanager
def _watching(
    model: nn.Module | None, name: str, side: int, found: list
) -> Iterator[None]:
    """Note the images that enter the backbones of a model, and reduce them."""

    def note(module: nn.Module, args: tuple) -> tuple:
        images, *others = args
        found.append((name, images))
        return _reduced(images, side), *others

    handles = [
        part.backbone.register_forward_pre_hook(note)
        for part in (model.modules() if model is not None else ())
        if isinstance(part, EncoderDecoder)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _reduced(images: Tensor, side: int) -> Tensor:
    size = [min(length, side) for length in images.shape[2:]]
    if list(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size, mode='bilinear', antialias=True)


def _sort(found: Sequence[tuple[str, Tensor]], inputs: Streams) -> Entering:
    """Tell which views entered as they are, and which were made from them."""
    views: dict[tuple[str, View], Tensor] = {}
    for stream, content in inputs.items():
        views[stream, View('weak')] = content['weak']
        for k, strong in enumerate(content.get('strong', ())):
            views[stream, View('strong', k)] = strong
    whole: dict[tuple[str, View], set[str]] = {}
    mixed: dict[View, Tensor] = {}
    bases = {view: x for (stream, view), x in views.items() if stream == 'unlabeled'}
    for name, images in found:
        while len(images):
            for key, view in views.items():
                if len(view) <= len(images) and torch.equal(images[: len(view)], view):
                    whole.setdefault(key, set()).add(name)
                    images = images[len(view) :]
                    break
            else:
                count = len(inputs['unlabeled']['weak']) if bases else len(images)
                if bases and count <= len(images):
                    block = images[:count]
                    mixed.setdefault(_base(block, bases), block)
                images = images[count:]
    return Entering(whole, mixed)


def _base(images: Tensor, views: dict[View, Tensor]) -> View:
    """Return the view that has the most pixels in common with mixed images."""
    return max(views, key=lambda view: int((images == views[view]).sum()))
