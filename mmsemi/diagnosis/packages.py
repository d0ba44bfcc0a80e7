"""Python, PyTorch, the OpenMMLab stack and the other packages."""

import importlib
import importlib.util
import sys
from collections.abc import Generator, Iterator
from importlib import metadata
from pathlib import Path

from mmsemi.utils.stack import PACKAGES, check_stack
from mmsemi.utils.torchvision import operators_load
from mmsemi.version import __version__

from .finding import Finding

AREA = 'Installation'
PYTHON = (3, 10)
# Packages that a training imports, and how they are imported.
NEEDED = dict(
    matplotlib='matplotlib',
    numpy='numpy',
    cv2='opencv-python',
    PIL='pillow',
    pooch='pooch',
    tensorboard='tensorboard',
)


def python() -> Iterator[Finding]:
    """Look at mmsemi itself and at Python."""
    place = Path(__file__).resolve().parents[1]
    yield Finding(AREA, 'mmsemi', 'ok', f'{__version__} in {place}')
    version = '.'.join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        yield Finding(
            AREA,
            'Python',
            'error',
            f'{version}, but mmsemi needs 3.10 or newer',
            'make an environment with a newer Python: python3.12 -m venv FOLDER',
        )
    else:
        yield Finding(AREA, 'Python', 'ok', f'{version}, {sys.executable}')


def stack() -> Generator[Finding, None, bool]:
    """Look at PyTorch and the OpenMMLab wheels.

    Returns:
        bool: Whether they run.
    """
    try:
        check_stack()
    except ImportError as error:
        text, _, cure = str(error).rstrip(':').partition(':\n    ')
        yield Finding(AREA, 'OpenMMLab and PyTorch', 'error', text, cure)
        return False
    runs = True
    for name in ('torch', *(package.module for package in PACKAGES)):
        distribution = next((p.onedl for p in PACKAGES if p.module == name), name)
        version = _version(distribution)
        required = name == 'torch' or next(
            p.required for p in PACKAGES if p.module == name
        )
        if importlib.util.find_spec(name) is None:
            yield Finding(
                AREA,
                distribution,
                'note',
                'not installed: its backbones, DINOv2 among them, are missing',
                f"pip install {distribution}, or 'mmsemi[onedl]'",
            )
            continue
        fault = _import_fault(name)
        if fault is None:
            yield Finding(AREA, distribution, 'ok', version or 'of unknown version')
            continue
        runs = runs and not required
        yield Finding(
            AREA,
            distribution,
            'error' if required else 'warning',
            f'{version} cannot be imported: {fault}',
            f'pip install --force-reinstall --no-deps {distribution}',
        )
    if runs and not operators_load():
        yield Finding(
            AREA,
            'torchvision',
            'note',
            f'{_version("torchvision")}: its compiled operators do not load beside '
            f'torch {_version("torch")}; mmsemi uses none of them',
            'install the torchvision of the same index as torch, if you use them',
        )
    return runs


def others() -> Iterator[Finding]:
    """Look at the packages that a training imports besides."""
    lacking = [
        distribution
        for module, distribution in NEEDED.items()
        if importlib.util.find_spec(module) is None
    ]
    if lacking:
        yield Finding(
            AREA,
            'other packages',
            'error',
            f'not installed: {", ".join(lacking)}',
            f'pip install {" ".join(lacking)}',
        )
    broken = {
        module: fault
        for module, distribution in NEEDED.items()
        if distribution not in lacking and (fault := _import_fault(module))
    }
    for module, fault in broken.items():
        cure = f'pip install --force-reinstall {NEEDED[module]}'
        if module == 'cv2' and '.so' in fault:
            cure = (
                'install the system library (Debian, Ubuntu: apt install libgl1 '
                'libglib2.0-0), or opencv-python-headless in place of opencv-python'
            )
        yield Finding(AREA, NEEDED[module], 'error', fault, cure)
    if not lacking and not broken:
        yield Finding(AREA, 'other packages', 'ok', ', '.join(NEEDED.values()))


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _import_fault(module: str) -> str | None:
    """Import a module; return what went wrong, in one line."""
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken package may raise anything
        return f'{type(error).__name__}: {error}'.partition('\n')[0]
    return None
