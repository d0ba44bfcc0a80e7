"""Is the OpenMMLab stack that this package stands on there, whole, once?

Two families of wheels provide the same import names: OpenMMLab's own
(``mmengine``, ``mmcv``, ``mmsegmentation``, ...) and their maintained
continuation (``onedl-mmengine``, ``onedl-mmcv``, ...).  Either will do, never
both: they overwrite each other's files, and removing one then leaves holes in
the other.

Only the metadata of what is installed is read, so this costs milliseconds and
imports none of the packages it asks about, nor any but Python's own.
"""

import re
import warnings
from importlib import metadata, util
from typing import NamedTuple


class Package(NamedTuple):
    """A package of the stack and the distributions that provide it."""

    module: str
    minimum: str
    stock: tuple[str, ...]
    onedl: str
    required: bool = True


# Checkpoints are read by `torch.serialization.safe_globals` with names.
TORCH_MINIMUM = '2.7'
PACKAGES = (
    Package('mmengine', '0.10', ('mmengine', 'mmengine-lite'), 'onedl-mmengine'),
    Package('mmcv', '2.0', ('mmcv', 'mmcv-lite', 'mmcv-full'), 'onedl-mmcv'),
    Package('mmseg', '1.2', ('mmsegmentation',), 'onedl-mmsegmentation'),
    # Needed by the configs alone that name one of its backbones.
    Package('mmpretrain', '1.0', ('mmpretrain',), 'onedl-mmpretrain', required=False),
)


def check_stack() -> None:
    """Raise unless torch and the OpenMMLab stack can carry this package.

    A package found without metadata (a source tree on the path) counts as
    present, its version unknown.

    Raises:
        ImportError: If a package is missing, older than its minimum, provided
            by two distributions, or listed as installed with its files gone.
            The message holds the commands that mend it.

    Warns:
        UserWarning: If mmengine cannot load its own checkpoints with the
            torch that is installed.
    """
    torch = _version('torch')
    _check(
        'torch',
        TORCH_MINIMUM,
        {'torch': torch} if torch else {},
        f'pip install -U "torch>={TORCH_MINIMUM}"',
    )

    found = {p.module: _distributions(p) for p in PACKAGES}
    cure = _reinstall(found)
    _check_one_family(found, cure)
    for package in PACKAGES:
        if package.required or found[package.module]:
            _check(package.module, package.minimum, found[package.module], cure)
    if torch:
        _warn_of_unreadable_checkpoints(torch, found['mmengine'], cure)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, ...]:
    """The numbers alone: vendors call their torch 2.7.0 2.7.0a0+hash."""
    return tuple(map(int, re.match(r'\d+(\.\d+)*', version)[0].split('.')))


def _distributions(package: Package) -> dict[str, str]:
    """Name and version of every installed distribution of a package."""
    versions = {d: _version(d) for d in (*package.stock, package.onedl)}
    return {d: v for d, v in versions.items() if v}


def _reinstall(found: dict[str, dict[str, str]]) -> str:
    """The commands that lead from any state to the recommended one."""
    commands = []
    present = [d for distributions in found.values() for d in distributions]
    if present:
        commands.append('pip uninstall -y ' + ' '.join(present))
    commands.append('pip install ' + ' '.join(p.onedl for p in PACKAGES))
    return '\n    '.join(commands)


def _check_one_family(found: dict[str, dict[str, str]], cure: str) -> None:
    """Raise if stock and onedl, or two stock variants, lie side by side."""
    onedl = {p.onedl for p in PACKAGES}
    present = {d: v for ds in found.values() for d, v in ds.items()}
    mixed = onedl & present.keys() and present.keys() - onedl
    if mixed or any(len(ds) > 1 for ds in found.values()):
        listed = ', '.join(f'{d} {v}' for d, v in present.items())
        raise ImportError(
            f'The OpenMMLab stack is installed twice: {listed}. These '
            "overwrite each other's files. Remove all of them and install "
            f'one family:\n    {cure}'
        )


def _check(module: str, minimum: str, distributions: dict[str, str], cure: str) -> None:
    """Raise if a package is missing, damaged or too old."""
    # Without __init__.py a left-over folder has a spec but no origin.
    spec = util.find_spec(module)
    importable = spec is not None and spec.origin is not None
    if not importable and not distributions:
        raise ImportError(
            f'mmsemi needs {module} >= {minimum}, which is not installed:\n    {cure}'
        )
    for distribution, version in distributions.items():
        if not importable:
            raise ImportError(
                f'{distribution} {version} is listed as installed, but there '
                f'is no {module} to import; it may have gone with another '
                f'distribution of it:\n    {cure}'
            )
        if _release(version) < _release(minimum):
            raise ImportError(
                f'mmsemi needs {module} >= {minimum}, and '
                f'{distribution} is {version}:\n    {cure}'
            )


def _warn_of_unreadable_checkpoints(
    torch: str, mmengine: dict[str, str], cure: str
) -> None:
    """Warn of OpenMMLab's own mmengine, from before PyTorch 2.6."""
    for distribution in ('mmengine', 'mmengine-lite'):
        version = mmengine.get(distribution)
        if version and _release(version) <= (0, 10, 7):
            warnings.warn(
                f'{distribution} {version} cannot load the checkpoints it '
                f'writes with torch {torch}, whose torch.load accepts bare '
                'weights alone by default. Install the other family of '
                f'wheels:\n    {cure}'
            )
