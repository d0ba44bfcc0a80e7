from .backbones import *  # noqa: F401,F403
from .data_preprocessor import SemiDataPreprocessor
from .decode_heads import *  # noqa: F401,F403
from .losses import *  # noqa: F401,F403
from .methods import *  # noqa: F401,F403
from .pretrained import PretrainedBackbone, PretrainedHead

__all__ = ['PretrainedBackbone', 'PretrainedHead', 'SemiDataPreprocessor']
