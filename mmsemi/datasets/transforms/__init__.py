"""Load, crop and change images and masks, and pack them into streams."""

from .cutout import NoiseCutout
from .formatting import PackLabeled, PackUnlabeled
from .geometry import RandomScaleCrop
from .loading import FaultyFile, LoadSegImage, LoadSegMask, MarkValid
from .mix_boxes import CenteredBoxes, ShareBoxes
from .multichannel import RandomChannelJitter
from .photometric import RandomBlur, RandomColorJitter, RandomGray
from .random_intensity import RandomIntensity
from .views import CutMixBoxes, StrongViews

__all__ = [
    'CenteredBoxes',
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
    'RandomIntensity',
    'RandomScaleCrop',
    'ShareBoxes',
    'StrongViews',
]
