"""Semi-supervised semantic segmentation on OpenMMLab.

Importing this package looks at the stack first (see
:func:`mmsemi.utils.stack.check_stack`), then makes its registry nodes known to
MMEngine, so ``custom_imports = dict(imports=['mmsemi'])`` is all that a config
needs.  Data sets, models and the rest are imported by the registries when a
name is first looked up.

torch, mmengine, mmcv and mmseg are required.  mmpretrain is not: it is worth
having for its backbones, which a config names as ``mmpretrain.NAME``, but it
cannot be imported without torchvision, and no method here depends on it.  If
installed, it is held to the same rules.
"""

import warnings

from .utils.stack import check_stack
from .version import __version__

check_stack()

# Nothing here uses mmcv's compiled operators, whose absence mmcv reports on
# every import, in every process.
warnings.filterwarnings(
    'ignore', message='Fail to import ``MultiScaleDeformableAttention``'
)

from . import registry  # noqa: E402, F401

__all__ = ['__version__']
