"""PSPNet's head as ST's released trainer builds it."""

from typing import Any

from mmseg.models.decode_heads import PSPHead
from torch import nn

from mmsemi.registry import MODELS


@MODELS.register_module()
class PSPNetHead(PSPHead):
    """mmseg's ``PSPHead`` with dropout of single elements instead of channels.

    Paper: `Pyramid Scene Parsing Network
    <https://arxiv.org/abs/1612.01105>`_.

    The arguments are those of :class:`mmseg.models.PSPHead`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dropout = nn.Dropout(self.dropout_ratio)
