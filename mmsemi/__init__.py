"""Semi-supervised semantic segmentation on OpenMMLab.

Importing this package checks the installed stack (see
:func:`mmsemi.utils.stack.check_stack`), then makes its registries known to
MMEngine: ``custom_imports = dict(imports=['mmsemi'])`` is all that a config
needs for training.  The registries import data sets, models and the rest when
they first look up a name.

Nothing heavy is imported before MMEngine is: the registries follow as soon as
anything imports ``mmengine``, so that ``mmsemi --help`` answers at once.

torch, mmengine, mmcv and mmseg are required.  mmpretrain is optional: it adds
backbones, which a config names as ``mmpretrain.NAME``, but it needs torchvision,
and no method depends on it.  If it is installed, its version is checked too.
"""

import importlib
from types import ModuleType

from .utils.imports import after_import
from .utils.invocation import started_by_command
from .utils.quiet import quiet_debug_messages, quiet_warnings
from .utils.stack import check_stack, name_packages
from .utils.torchvision import import_torchvision_without_operators
from .version import __version__

try:
    check_stack()
except ImportError:
    # `mmsemi doctor` says what else is wrong, every other command only this.
    if not started_by_command():
        raise
import_torchvision_without_operators()
quiet_warnings()


def _register() -> None:
    name_packages()
    quiet_debug_messages()
    importlib.import_module('mmsemi.registry')


def __getattr__(name: str) -> ModuleType:
    """Import ``mmsemi.registry`` when it is first used."""
    if name == 'registry':
        return importlib.import_module('mmsemi.registry')
    raise AttributeError(f"module 'mmsemi' has no attribute {name!r}")


after_import('mmengine', _register)

__all__ = ['__version__']
