"""Check that the OpenMMLab stack is installed, complete, and only once.

Two families of wheels provide the same import names: OpenMMLab's own
(``mmengine``, ``mmcv``, ``mmsegmentation``, ...) and their maintained
continuation (``onedl-mmengine``, ``onedl-mmcv``, ...).  mmsemi runs on the
second: OpenMMLab's ``mmcv`` has no wheels for the PyTorch that mmsemi needs, and
its ``mmengine`` (0.10.7) cannot load its own checkpoints with it.  Both together
never work: they overwrite each other's files, and removing one leaves holes in
the other.

Only the metadata of installed packages is read, so the check takes milliseconds
and imports nothing but Python's own modules.
"""

import re
from importlib import metadata, util
from typing import NamedTuple


class Package(NamedTuple):
    """A package of the stack and the distributions that provide it.

    Attributes:
        module (str): Name that it is imported by.
        minimum (str): Oldest version that mmsemi's tests ran with.
        onedl (str): Distribution that mmsemi runs on.
        stock (tuple[str, ...]): OpenMMLab's own distributions.
        required (bool): Whether mmsemi needs it.
    """

    module: str
    minimum: str
    onedl: str
    stock: tuple[str, ...]
    required: bool = True


# `torch.serialization.safe_globals` takes names from this version on.
TORCH_MINIMUM = '2.7'
PACKAGES = (
    Package('mmengine', '0.10.12', 'onedl-mmengine', ('mmengine', 'mmengine-lite')),
    Package('mmcv', '2.3.6', 'onedl-mmcv', ('mmcv', 'mmcv-lite', 'mmcv-full')),
    Package('mmseg', '1.4.2', 'onedl-mmsegmentation', ('mmsegmentation',)),
    # Only for configs that name one of its backbones.
    Package('mmpretrain', '1.3.6', 'onedl-mmpretrain', ('mmpretrain',), required=False),
)


def check_stack() -> None:
    """Check that torch and the OpenMMLab stack can run this package.

    A package found without metadata (a source tree on the path) counts as
    present, its version unknown.

    Raises:
        ImportError: A package is missing, too old, OpenMMLab's own, provided
            by two distributions, or listed as installed with its files gone.
            The message holds the commands that repair it.
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
    _check_family(found, cure)
    for package in PACKAGES:
        if package.required or found[package.module]:
            _check(package.module, package.minimum, found[package.module], cure)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, ...]:
    """Read the numbers of a version: vendors write torch 2.7.0 as 2.7.0a0+hash."""
    numbers = re.match(r'\d+(\.\d+)*', version)
    return tuple(map(int, numbers[0].split('.'))) if numbers else ()


def _distributions(package: Package) -> dict[str, str]:
    """Return name and version of every installed distribution of a package."""
    versions = {d: _version(d) for d in (*package.stock, package.onedl)}
    return {d: v for d, v in versions.items() if v}


def _reinstall(found: dict[str, dict[str, str]]) -> str:
    """Return the commands that lead from any state to the one that runs."""
    commands = []
    present = [d for distributions in found.values() for d in distributions]
    if present:
        commands.append('pip uninstall -y ' + ' '.join(present))
    # Quoted: shells read `>` as a redirection.
    wheels = ' '.join(f'"{p.onedl}>={p.minimum}"' for p in PACKAGES)
    commands.append(f'pip install {wheels}')
    return '\n    '.join(commands)


def _check_family(found: dict[str, dict[str, str]], cure: str) -> None:
    """Raise unless all distributions are onedl's, one per package."""
    onedl = {p.onedl for p in PACKAGES}
    present = {d: v for ds in found.values() for d, v in ds.items()}
    listed = ', '.join(f'{d} {v}' for d, v in present.items())
    stock = present.keys() - onedl
    if (onedl & present.keys() and stock) or any(len(d) > 1 for d in found.values()):
        raise ImportError(
            f'The OpenMMLab stack is installed twice: {listed}. These '
            "overwrite each other's files. Remove all of them and install "
            f'one family:\n    {cure}'
        )
    if stock:
        raise ImportError(
            f"mmsemi does not run on OpenMMLab's own wheels ({listed}): there is "
            f'no mmcv among them for torch >= {TORCH_MINIMUM}, which mmsemi needs. '
            f'Install their maintained continuation:\n    {cure}'
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
                f'is no {module} to import; it may have been removed with '
                f'another distribution of it:\n    {cure}'
            )
        if _release(version) < _release(minimum):
            raise ImportError(
                f'mmsemi needs {module} >= {minimum}, and '
                f'{distribution} is {version}:\n    {cure}'
            )


def name_packages() -> None:
    """Tell MMEngine which distributions hold the configs of ``mmseg::...``.

    MMEngine knows only OpenMMLab's own distributions, and no ``mmsemi::...``.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE['mmsemi'] = 'mmsemi'
    for package in PACKAGES:
        if package.module in MODULE2PACKAGE:
            MODULE2PACKAGE[package.module] = package.onedl
