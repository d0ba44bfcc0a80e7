"""The check at import recognises every state of the installed stack."""

import importlib.machinery
import importlib.metadata
import importlib.util
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from mmsemi.utils.stack import PACKAGES, TORCH_MINIMUM, check_stack

ONEDL = {
    'torch': '2.13.0+cpu',
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmsegmentation': '1.4.2',
    'onedl-mmpretrain': '1.3.6',
}
STOCK = {
    'torch': '2.7.1',
    'mmengine': '0.10.7',
    'mmcv': '2.1.0',
    'mmsegmentation': '1.2.2',
}
ROOT = Path(__file__).parents[1]
MODULES = {'torch', *(p.module for p in PACKAGES)}
INSTALL = (
    'pip install "onedl-mmengine>=0.10.12" "onedl-mmcv>=2.3.6" '
    '"onedl-mmsegmentation>=1.4.2" "onedl-mmpretrain>=1.3.6"'
)


@pytest.fixture
def environment(monkeypatch):
    """Pretend that these distributions, and these modules, are installed."""

    def pretend(distributions, modules=MODULES, left_over=()):

        def version(name):
            if name not in distributions:
                raise importlib.metadata.PackageNotFoundError(name)
            return distributions[name]

        def find_spec(name):
            if name in left_over:  # a folder without __init__.py
                return importlib.machinery.ModuleSpec(name, None)
            if name in modules:
                return importlib.machinery.ModuleSpec(
                    name, None, origin=f'{name}/__init__.py'
                )

        monkeypatch.setattr(importlib.metadata, 'version', version)
        monkeypatch.setattr(importlib.util, 'find_spec', find_spec)

    return pretend


@pytest.mark.parametrize(
    'distributions', [ONEDL, {**ONEDL, 'torch': '2.7.0a0+79aa17489c.nv25.04'}]
)
def test_a_whole_stack_passes_in_silence(environment, distributions):
    environment(distributions)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_stack()


def test_a_source_tree_without_metadata_passes(environment):
    environment({'torch': '2.13.0'})
    check_stack()


def test_mmpretrain_may_be_absent(environment):
    del (left := dict(ONEDL))['onedl-mmpretrain']
    environment(left, MODULES - {'mmpretrain'})
    check_stack()


def test_missing_torch(environment):
    environment({}, set())
    with pytest.raises(ImportError, match='pip install -U "torch>=2.7"'):
        check_stack()


@pytest.mark.parametrize(
    'module, distribution',
    [
        ('mmengine', 'onedl-mmengine'),
        ('mmcv', 'onedl-mmcv'),
        ('mmseg', 'onedl-mmsegmentation'),
    ],
)
def test_missing_package(environment, module, distribution):
    del (left := dict(ONEDL))[distribution]
    environment(left, MODULES - {module})
    with pytest.raises(ImportError, match=f'{module} .*not installed') as e:
        check_stack()
    assert INSTALL in str(e.value)


@pytest.mark.parametrize(
    'distributions',
    [
        STOCK,
        {**STOCK, 'mmengine': '0.10.8', 'mmcv': '2.2.0'},
        {'torch': '2.7.1', 'mmcv-full': '1.7.2'},
        {'torch': '2.7.1', 'mmengine-lite': '0.10.7', 'mmcv-lite': '2.1.0'},
    ],
)
def test_stock_wheels_are_refused(environment, distributions):
    """Also if some are missing: the cure never adds a second family."""
    environment(distributions)
    with pytest.raises(ImportError, match='no mmcv .*for torch >= 2.7') as e:
        check_stack()
    _, removal, install = str(e.value).splitlines()
    assert removal.strip().startswith('pip uninstall -y ')
    assert set(removal.split()[3:]) == {*distributions} - {'torch'}
    assert install.strip() == INSTALL


def test_the_cure_is_one_word_per_package_in_any_shell():
    """`>=2.3.6` without quotes would write to a file of that name."""
    assert shlex.split(INSTALL)[2:] == [f'{p.onedl}>={p.minimum}' for p in PACKAGES]


@pytest.mark.parametrize(
    'base, distribution, version',
    [
        (ONEDL, 'torch', '2.6.0'),
        (ONEDL, 'onedl-mmengine', '0.9.1'),
        (ONEDL, 'onedl-mmpretrain', '0.25.0'),
        (ONEDL, 'onedl-mmcv', '2.3.5'),
    ],
)
def test_too_old(environment, base, distribution, version):
    environment({**base, distribution: version})
    with pytest.raises(ImportError, match=f'{distribution} is {version}') as e:
        check_stack()
    assert 'pip install' in str(e.value)


@pytest.mark.parametrize(
    'distributions',
    [
        {**ONEDL, **STOCK},
        {**ONEDL, 'mmcv-lite': '2.1.0'},
        {**STOCK, 'onedl-mmpretrain': '1.3.6'},
        {**STOCK, 'mmcv-full': '1.7.2'},
    ],
)
def test_installed_twice(environment, distributions):
    environment(distributions)
    with pytest.raises(ImportError, match='installed twice') as e:
        check_stack()
    removal = str(e.value).splitlines()[-2].split()
    assert removal[:3] == ['pip', 'uninstall', '-y']
    assert set(removal[3:]) == distributions.keys() - {'torch'}
    assert str(e.value).endswith(INSTALL)


@pytest.mark.parametrize('left_over', [(), ('mmcv',)])
def test_files_removed_with_the_other_family(environment, left_over):
    environment(ONEDL, MODULES - {'mmcv'}, left_over)
    with pytest.raises(ImportError, match='onedl-mmcv .* listed as installed'):
        check_stack()


def test_the_check_comes_before_whatever_it_checks():
    """Without a stack, `import mmsemi` raises our error and no other."""
    script = """
import sys
for name in ('torch', 'mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'cv2'):
    sys.modules[name] = None
from importlib import metadata
def version(name):
    raise metadata.PackageNotFoundError(name)
metadata.version = version
import mmsemi
"""
    run = subprocess.run(
        [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert 'ImportError: mmsemi needs torch' in run.stderr


def test_importing_the_package_imports_none_of_its_parts():
    script = """
import sys, mmsemi
parts = [f'mmsemi.{p}' for p in ('datasets', 'models', 'engine')]
assert not set(parts) & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, '-c', script], cwd=ROOT, check=True)


def test_setup_requires_what_the_check_requires():
    try:
        lines = importlib.metadata.requires('mmsemi')
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('mmsemi is not installed (`pip install -e .`)')
    asked = {
        r.name: r
        for r in map(Requirement, lines)
        if r.marker is None or r.marker.evaluate({'extra': 'onedl'})
    }
    assert asked['torch'].specifier.contains(TORCH_MINIMUM)
    for package in PACKAGES:
        requirement = asked[package.onedl]
        assert 'onedl' in str(requirement.marker)
        (floor,) = requirement.specifier
        assert floor.operator == '>='
        assert Version(floor.version) == Version(package.minimum)
