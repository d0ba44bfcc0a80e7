from .formatting import PackLabeled, PackUnlabeled
from .geometry import RandomScaleCrop
from .loading import LoadSegImage, LoadSegMask, MarkValid
from .photometric import RandomBlur, RandomColorJitter, RandomGray
from .views import CutMixBoxes, StrongViews

__all__ = [
    'CutMixBoxes', 'LoadSegImage', 'LoadSegMask', 'MarkValid', 'PackLabeled',
    'PackUnlabeled', 'RandomBlur', 'RandomColorJitter', 'RandomGray',
    'RandomScaleCrop', 'StrongViews'
]
