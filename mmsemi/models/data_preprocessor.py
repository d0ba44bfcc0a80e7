"""From a loader's batch to what a method reads."""
from typing import Any, Dict

from mmseg.models.data_preprocessor import SegDataPreProcessor
from torch import Tensor

from mmsemi.registry import MODELS


@MODELS.register_module()
class SemiDataPreprocessor(SegDataPreProcessor):
    """Normalises every image of every stream, on the device.

    A batch of streams (see :func:`mmsemi.datasets.stack_streams`) comes out
    as ``dict(inputs=streams, data_samples=None)``: the images (``weak``,
    ``strong1``, ...: uint8, (B, 3, S, S)) normalised and in the channel order
    of the network, ``mask`` as int64, the rest as it was.  Other batches
    (validation, inference) are mmseg's and treated as there.

    Args: as in :class:`mmseg.models.SegDataPreProcessor`.
    """

    def forward(self, data: dict, training: bool = False) -> Dict[str, Any]:
        if 'labeled' not in data and 'unlabeled' not in data:
            return super().forward(data, training)
        streams = {
            name: {
                key: self._prepare(key, value)
                for key, value in stream.items()
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
            value = value[:, [2, 1, 0]]
        value = value.float()
        return (value - self.mean) / self.std if self._enable_normalize \
            else value
