"""The network as an exported file holds it: from images to classes."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from mmengine.config import ConfigDict
from torch import Tensor, nn

from mmsemi import __version__
from mmsemi.models.methods.evaluated import EvaluatedSegmentor
from mmsemi.models.utils import at_multiple

from ..inference import ImagePipeline

OUTPUTS = dict(
    classes='{} (batch, height, width): the class of every pixel',
    probabilities='float32 (batch, classes, height, width), which sum to 1',
    logits='float32 (batch, classes, height, width)',
)
PARTS = ('backbone', 'neck', 'decode_head')  # that predict
PACKING = ('LoadSegImage', 'LoadSegMask', 'LoadAnnotations', 'PackSegInputs')


def predicting_parts(model: nn.Module) -> EvaluatedSegmentor:
    """Copy a network to the CPU, without the parts that only its training needs.

    Such are the second network of CPS and the correlation of CorrMatch.

    Raises:
        ValueError: It is no network of mmsemi, or predicts with test-time
            augmentation.
    """
    if not isinstance(model, EvaluatedSegmentor):
        raise ValueError(
            f'A {type(model).__name__} cannot be exported: take a network of one of '
            "mmsemi's methods from init_model(), without `tta`."
        )
    model = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    for name, _ in list(model.named_children()):
        if name not in (*PARTS, 'data_preprocessor'):
            delattr(model, name)
    return model


class Held(NamedTuple):
    """What of a config's evaluation an exported file holds.

    Attributes:
        resized (int): The file resizes images to multiples of so many pixels,
            and its output back; 1 if it does not.
        multiple (int): Height and width of an image must be multiples of it.
        window (tuple, optional): Height and width of the windows that the
            config's evaluation cuts, and the file does not.
        before (tuple[str, ...]): Transforms of the test pipeline, which the file
            does not hold.
    """

    resized: int
    multiple: int
    window: tuple[int, int] | None
    before: tuple[str, ...]

    @property
    def test_cfg(self) -> dict:
        """The ``test_cfg`` that predicts as the file does."""
        if self.resized > 1:
            return dict(mode='whole', multiple=self.resized)
        return dict(mode='whole')

    @property
    def inside(self) -> str:
        """Describe what the file does with the size of images."""
        if self.resized > 1:
            return f'whole images, resized to multiples of {self.resized} and back'
        return 'whole images'

    @property
    def outside(self) -> str:
        """Describe what of the config's evaluation has to be done outside."""
        parts = list(self.before)
        if self.window:
            parts.append(f'windows of {self.window[0]}x{self.window[1]} pixels')
        return ', '.join(parts)

    @property
    def size(self) -> str:
        """Describe the images that the file takes."""
        if self.multiple == 1:
            return 'any height and width'
        return f'height and width are multiples of {self.multiple}'


def held_by_file(model: EvaluatedSegmentor) -> Held:
    """Tell what an exported file holds of a network's evaluation."""
    test_cfg = model.test_cfg or {}
    window = None
    if test_cfg.get('mode') in ('slide', 'windows'):
        window = tuple(test_cfg['crop_size'])
    resized = test_cfg.get('multiple') or 1
    multiple = getattr(model.backbone, 'size_multiple', 1)
    before = tuple(
        f'{transform["type"]}({_arguments(transform)})'
        for transform in ImagePipeline(model).transforms
        if transform['type'] not in PACKING
    )
    if resized % multiple == 0:
        multiple = 1
    return Held(resized, multiple, window, before)


def _arguments(transform: dict) -> str:
    return ', '.join(f'{k}={v}' for k, v in transform.items() if k != 'type')


@contextmanager
def evaluating(model: nn.Module, test_cfg: dict) -> Iterator[None]:
    """Evaluate with other settings inside a block."""
    before = model.test_cfg
    model.test_cfg = ConfigDict(test_cfg)
    try:
        yield
    finally:
        model.test_cfg = before


class ExportedNetwork(nn.Module):
    """Images as they are loaded in, classes out: what is traced and exported.

    Args:
        model (EvaluatedSegmentor): From :func:`predicting_parts`.
        output (str): One of :data:`OUTPUTS`.
        resized (int): See :class:`Held`.
    """

    def __init__(self, model: EvaluatedSegmentor, output: str, resized: int) -> None:
        super().__init__()
        self.model = model
        self.output = output
        self.resized = resized
        # A byte for a class, as masks have it.
        self.dtype = torch.uint8 if model.num_classes <= 256 else torch.int32

    def forward(self, images: Tensor) -> Tensor:
        """Segment images.

        Args:
            images (Tensor): (B, H, W, C) uint8, BGR if C = 3.

        Returns:
            Tensor: See :data:`OUTPUTS`.
        """
        x = self.model.data_preprocessor.normalize(images.permute(0, 3, 1, 2))
        if self.resized > 1:
            logits = at_multiple(self.model.logits, x, self.resized)
        else:
            logits = self.model.logits(x)
        if self.output == 'logits':
            return logits
        if self.output == 'probabilities':
            return logits.softmax(1)
        return logits.argmax(1).to(self.dtype)


def metadata(
    network: ExportedNetwork, held: Held, meta: dict[str, Any], **more: Any
) -> dict[str, str]:
    """Describe an exported file, for whoever finds it.

    Args:
        network (ExportedNetwork): The network.
        held (Held): What it holds.
        meta (dict): ``classes`` and ``palette``, RGB.
        **more: Further entries.

    Returns:
        dict[str, str]: Text, numbers as text, and lists as JSON.
    """
    model = network.model
    preprocessor = model.data_preprocessor
    channels = channels_of(model)
    kind = str(network.dtype).removeprefix('torch.')
    entries = dict(
        mmsemi_version=__version__,
        method=type(model).__name__,
        network=f'{type(model.backbone).__name__}, {type(model.decode_head).__name__}',
        classes=meta.get('classes'),
        palette=meta.get('palette'),
        input=f'uint8 (batch, height, width, {channels}), {channel_order(channels)}; '
        + held.size,
        output=f'{network.output}, {OUTPUTS[network.output].format(kind)}',
        size_multiple=held.multiple,
        evaluation=held.inside,
        outside=held.outside,
        normalized=bool(preprocessor.normalizes),
        **more,
    )
    if preprocessor.normalizes:
        entries['mean'] = preprocessor.mean.flatten().tolist()
        entries['std'] = preprocessor.std.flatten().tolist()
    entries['reversed_channels'] = bool(preprocessor.reverses_channels)
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in entries.items()
    }


def channel_order(channels: int) -> str:
    """Describe the order of an image's channels."""
    return 'BGR as cv2.imread returns it' if channels == 3 else 'in the order of files'


def channels_of(model: nn.Module) -> int:
    """Return the number of channels of the images that a network takes."""
    return getattr(ImagePipeline(model).load, 'channels', 3)
