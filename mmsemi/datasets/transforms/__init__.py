"""Load, crop and change images and masks, and pack them into streams."""

from .cutout import NoiseCutout
from .formatting import PackLabeled, PackUnlabeled
from .geometry import RandomScaleCrop
from .loading import FaultyFile, LoadSegImage, LoadSegMask, MarkValid
from .multichannel import RandomChannelJitter
from .photometric import RandomBlur, RandomColorJitter, RandomGray
from .views import CutMixBoxes, StrongViews

__all__ = [
    'CutMixBoxes',
    'FaultyFile',
    'LoadSegImage',
    'LoadSegMask',
    'MarkValid',
    'NoiseCutout',
    'PackLabeled',
    'PackUnlabeled',
    'RandomBlur',
    'RandomChannelJitter',
    'RandomColorJitter',
    'RandomGray',
    'RandomScaleCrop',
    'StrongViews',
]
