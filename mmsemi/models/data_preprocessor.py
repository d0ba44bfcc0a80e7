"""Move a batch to the device and normalise it."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from torch import Tensor

from mmsemi.registry import MODELS
from mmsemi.structures import STREAMS

from .utils import strong_view


@MODELS.register_module()
class SemiDataPreprocessor(SegDataPreProcessor):
    """Normalise every image of every stream, on the device.

    Turns a :class:`mmsemi.structures.Batch` into ``dict(inputs=streams,
    data_samples=None)`` with :class:`mmsemi.structures.Streams`: images become
    normalised float32 in the channel order of the network, masks int64, and
    ``draws`` are replaced with the strong views made from them.  Other
    batches (validation, inference) are handled as in mmseg.

    Args:
        mean (Sequence[float], optional): Mean of each channel, however many
            channels the images have.  Defaults to None: no normalisation.
        std (Sequence[float], optional): Standard deviation, likewise.
        bgr_to_rgb (bool): Reverse the channels of images that have three.
        rgb_to_bgr (bool): Likewise.
        **kwargs: As in :class:`mmseg.models.SegDataPreProcessor`.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.update(bgr_to_rgb=bgr_to_rgb, rgb_to_bgr=rgb_to_bgr)
        if mean is not None and std is not None:
            super().__init__([0.0], [1.0], **kwargs)  # allows one value or three
            self.mean = torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1)
            self.std = torch.tensor(std, dtype=torch.float32).view(-1, 1, 1)
        else:
            super().__init__(mean, std, **kwargs)
        # Flags of our own, as mmseg and its forks name theirs differently.
        self.normalizes = mean is not None
        self.reverses_channels = bgr_to_rgb or rgb_to_bgr
        # Copies from the loader's pinned memory may overlap with computing.
        self._non_blocking = torch.cuda.is_available()

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Prepare a batch of streams, or any other batch as mmseg does."""
        streams = {name: data[name] for name in STREAMS if name in data}
        if not streams:
            # mmseg pads training images to a size; its benchmark of a network
            # says `training`, too.
            sized = self.size is not None or self.size_divisor is not None
            return super().forward(data, training and sized)
        inputs = {
            name: self._prepare(stream)
            for name, stream in self.cast_data(streams).items()
        }
        return dict(inputs=inputs, data_samples=None)

    def _prepare(self, stream: dict[str, Any]) -> dict[str, Any]:
        draws = stream.pop('draws', None)
        if draws is not None:
            stream['strong'] = [strong_view(stream['weak'], each) for each in draws]
        if 'strong' in stream:
            stream['strong'] = [self.normalize(view) for view in stream['strong']]
        if 'mask' in stream:
            stream['mask'] = stream['mask'].long()
        stream['weak'] = self.normalize(stream['weak'])
        return stream

    def normalize(self, images: Tensor) -> Tensor:
        """Normalize images (B, C, H, W), as loaded, and order their channels."""
        if self.reverses_channels and images.shape[1] == 3:
            images = images.flip(1)  # indexing with a list would make a GPU wait
        images = images.float()
        if self.normalizes:
            images = (images - self.mean).div_(self.std)
        return images

    def restore(self, images: Tensor) -> Tensor:
        """Undo :meth:`normalize`; whole levels, float32 (B, C, H, W)."""
        if self.normalizes:
            images = images * self.std + self.mean
        if self.reverses_channels and images.shape[1] == 3:
            images = images.flip(1)
        return images.round()
