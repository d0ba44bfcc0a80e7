"""Functions are called when a package is imported, and the package works."""

import importlib.util
import sys

import pytest

from mmsemi.utils.imports import after_import, before_import


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The name of a package that nothing has imported."""
    name = 'a_package_for_this_test'
    (tmp_path / f'{name}.py').write_text('ready = True')
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_before_and_after(package):
    """Once each, in this order, with the content in place only afterwards."""
    seen = []

    def note():
        module = sys.modules.get(package)
        seen.append(bool(getattr(module, 'ready', False)))

    watching = len(sys.meta_path)
    before_import(package, note)
    after_import(package, note)
    assert importlib.util.find_spec(package) and importlib.util.find_spec(package)
    assert seen == [], 'looking for a package is no import'
    assert importlib.import_module(package).ready
    assert seen == [False, True]
    assert len(sys.meta_path) == watching
    del sys.modules[package]
    importlib.import_module(package)
    assert len(seen) == 2


def test_of_an_imported_package():
    seen = []
    before_import('sys', lambda: seen.append('before'))
    after_import('sys', lambda: seen.append('after'))
    assert seen == ['after']


def test_a_missing_package_stays_missing():
    after_import('no_such_package_anywhere', lambda: None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('no_such_package_anywhere')
