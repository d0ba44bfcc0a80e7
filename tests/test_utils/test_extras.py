"""A package that is missing is one line with the command that installs it."""

import re
import runpy
import sys
from unittest import mock

import pytest
import torch
from mmengine.config import Config

from mmsemi.models.backbones import dinov2
from mmsemi.utils.arguments import named_by_config
from mmsemi.utils.cli import expected_message
from mmsemi.utils.extras import EXTRAS, import_extra, need_extras, need_types
from tests.helpers.tools import ROOT


def test_every_extra_is_one_of_setup_py_and_installs_its_package():
    with mock.patch('setuptools.setup') as setup:
        runpy.run_path(str(ROOT / 'setup.py'))
    offered = setup.call_args.kwargs['extras_require']
    for package, extra in EXTRAS.items():
        named = ' '.join(offered[extra]).replace('-', '_')
        assert package in named, (package, extra)


@pytest.mark.parametrize('package', EXTRAS)
def test_missing_packages_are_named_with_their_cure(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as first:
        import_extra(package, 'This')
    with pytest.raises(ImportError) as second:
        need_extras('This', package)
    message = expected_message(first.value)
    assert message == expected_message(second.value)
    assert message == (
        f'This needs {package}, which is not installed: '
        f"pip install 'mmsemi[{EXTRAS[package]}]'"
    )


def test_a_package_that_is_broken_is_told_from_a_missing_one(monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.io', None)
    with pytest.raises(ImportError, match='cannot be imported .*--force-reinstall'):
        import_extra('scipy.io', 'This')


def test_what_is_there_is_imported():
    assert import_extra('scipy.io', 'This').loadmat
    need_extras('This', 'scipy', 'onnx')


@pytest.mark.parametrize(
    'kind, package',
    [
        ('DINOv2', 'mmpretrain'),
        ('mmpretrain.TIMMBackbone', 'timm'),
        ('TIMMBackbone', 'timm'),
        ('mmpretrain.ConvNeXt', 'torchvision'),
    ],
)
def test_types_of_a_config(kind, package, monkeypatch):
    """What a network needs is named before it is built."""
    monkeypatch.setitem(sys.modules, package, None)
    cfg = Config(dict(model=dict(type='UniMatch', backbone=dict(type=kind))))
    expected = f"{kind} in the config needs {package}, .*'mmsemi"
    with pytest.raises(ImportError, match=expected), named_by_config(cfg):
        raise AssertionError('not reached')
    need_types(dict(backbone=dict(type='ResNet'), heads=[dict(type='FCNHead')]))


@pytest.mark.parametrize('package', ['mmpretrain', 'torchvision'])
def test_dinov2_outside_of_a_config(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(dinov2, 'VisionTransformer', torch.nn.Module)
    with pytest.raises(ImportError, match=re.escape("'mmsemi[dinov2]'")):
        dinov2.DINOv2()
