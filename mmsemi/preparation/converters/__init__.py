"""Make the masks of the public data sets from their official files."""

from .ade20k import check_ade20k
from .cityscapes import convert_cityscapes
from .coco import convert_coco
from .pascal import convert_pascal
from .writing import check_lists

__all__ = [
    'check_ade20k',
    'check_lists',
    'convert_cityscapes',
    'convert_coco',
    'convert_pascal',
]
