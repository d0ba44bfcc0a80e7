"""PSPNet's head as ST's released trainer builds it."""

from mmseg.models.decode_heads import PSPHead
from torch import nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class PSPNetHead(PSPHead):
    """mmseg's ``PSPHead``, dropping single elements instead of channels.

    Paper: `Pyramid Scene Parsing Network
    <https://arxiv.org/abs/1612.01105>`_.

    Args: as in :class:`mmseg.models.PSPHead`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.dropout = nn.Dropout(self.dropout_ratio)
