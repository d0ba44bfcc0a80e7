"""From a loader's batch to what a method reads."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from torch import Tensor

from mmsemi.registry import MODELS

from .utils import strong_view


@MODELS.register_module()
class SemiDataPreprocessor(SegDataPreProcessor):
    """Normalises every image of every stream, on the device.

    A batch of streams (see :func:`mmsemi.datasets.stack_streams`) comes out
    as ``dict(inputs=streams, data_samples=None)``: the images (``weak``,
    ``strong1``, ...: uint8, (B, C, S, S)) normalised and in the channel order
    of the network, ``mask`` as int64, the rest as it was.  In the place of
    ``draws1``, ... come the strong views that they describe.  Other batches
    (validation, inference) are mmseg's and treated as there.

    Args: as in :class:`mmseg.models.SegDataPreProcessor`, where ``mean`` and
    ``std`` have one value or three.  Here they have one per channel of the
    images, however many these are.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **kwargs,
    ) -> None:
        if mean is None or std is None:
            super().__init__(mean, std, **kwargs)
        else:
            super().__init__([0.0], [1.0], **kwargs)
            self.mean = torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1)
            self.std = torch.tensor(std, dtype=torch.float32).view(-1, 1, 1)
        # Copies from the pinned memory of a loader need not be waited for.
        self._non_blocking = torch.cuda.is_available()

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        if 'labeled' not in data and 'unlabeled' not in data:
            return super().forward(data, training)
        streams = {
            name: {
                key: self._prepare(key, value)
                for key, value in _with_views(stream).items()
            }
            for name, stream in self.cast_data(data).items()
        }
        return dict(inputs=streams, data_samples=None)

    def _prepare(self, key: str, value: Tensor) -> Tensor:
        if key == 'mask':
            return value.long()
        if key != 'weak' and not key.startswith('strong'):
            return value
        if self._channel_conversion and value.shape[1] == 3:
            value = value.flip(1)  # a GPU would wait for a list of channels
        value = value.float()
        if self._enable_normalize:
            value = (value - self.mean).div_(self.std)
        return value


def _with_views(stream: dict[str, Any]) -> dict[str, Tensor]:
    """A stream with the strong views that it holds but the draws of."""
    views = {
        key.replace('draws', 'strong'): strong_view(stream['weak'], draws)
        for key, draws in stream.items()
        if key.startswith('draws')
    }
    rest = {k: v for k, v in stream.items() if not k.startswith('draws')}
    return {**rest, **views}
