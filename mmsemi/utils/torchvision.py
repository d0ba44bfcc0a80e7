"""Let torchvision be imported where its compiled operators do not fit torch.

torchvision's wheels hold operators compiled for one build of torch.  Beside
another (a CPU build of torch next to the package index's torchvision) they do
not load, and ``import torchvision`` fails: ``operator torchvision::nms does not
exist``.  mmpretrain imports torchvision, and mmseg's data sets import mmpretrain,
so nothing would run, although nothing here uses these operators.
"""

import importlib.machinery
import importlib.util

from .imports import before_import

# What `torchvision/_meta_registrations.py` describes unconditionally on import.
SCHEMAS = (
    'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
)
_declared: list = []  # libraries, whose operators end with them


def operators_load() -> bool:
    """Tell whether torchvision's compiled operators run with this torch.

    True also where torchvision is not installed.
    """
    import torch

    package = importlib.util.find_spec('torchvision')
    if package is None:
        return True
    folder = (package.submodule_search_locations or [''])[0]
    # Also finds the name that the platform gives a compiled module.
    finder = importlib.machinery.FileFinder(
        folder,
        (
            importlib.machinery.ExtensionFileLoader,
            importlib.machinery.EXTENSION_SUFFIXES,
        ),
    )
    library = finder.find_spec('_C')
    if library is None or library.origin is None:
        return False
    try:
        torch.ops.load_library(library.origin)
    except OSError:
        return False
    return True


def import_torchvision_without_operators() -> None:
    """Let a later ``import torchvision`` succeed without its compiled operators.

    Nothing is imported before, and nothing changes where the operators load.
    An operator that is called raises torch's ``NotImplementedError``.
    """
    before_import('torchvision', _declare_missing)


def _declare_missing() -> None:
    if operators_load():
        return
    import torch

    library = torch.library.Library('torchvision', 'FRAGMENT')
    for schema in SCHEMAS:
        library.define(schema)
    _declared.append(library)
